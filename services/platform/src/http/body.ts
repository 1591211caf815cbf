import { isUtf8 } from 'node:buffer';
import { promisify } from 'node:util';
import express, { type Request, type Response } from 'express';
import { UnsupportedMediaType, validationFailed } from '../errors.ts';

const MAX_BODY = '64kb';
const MAX_DEPTH = 32;
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

// Not `strict`: a scalar is valid JSON, and it is for the route's schema to refuse it.
const parseJson = promisify<Request, Response>(
  express.json({ limit: MAX_BODY, strict: false, type: isJson, verify: refuseBrokenText }),
);

function hasContent({ headers }: Request): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Reads the body, if there is one, into `request.body`: JSON of at most 64 kB and 32 levels; anything else is 415, 413 or 400. */
export async function readJsonBody(request: Request, response: Response): Promise<void> {
  if (!hasContent(request)) return;
  if (!isJson(request)) throw notJson();
  await parseJson(request, response);
  refuseHostile(request.body, '', 1);
}

export function notJson(): UnsupportedMediaType {
  return new UnsupportedMediaType('unsupported_media_type', 'The body must be sent as application/json.');
}

function isJson(request: { headers: Record<string, unknown> }): boolean {
  const type = String(request.headers['content-type'] ?? '')
    .split(';', 1)[0]
    ?.trim()
    .toLowerCase();
  return type === 'application/json' || type === 'application/merge-patch+json';
}

/** The decoder would replace invalid bytes with U+FFFD. */
function refuseBrokenText(_request: unknown, _response: unknown, body: Buffer, charset: string): void {
  if (charset === 'utf-8' && !isUtf8(body)) throw new Error('Not valid UTF-8.');
}

function refuseHostile(value: unknown, pointer: string, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > MAX_DEPTH) throw validationFailed([{ pointer, detail: `Nested deeper than ${MAX_DEPTH} levels.` }]);
  for (const [key, member] of Object.entries(value)) {
    if (FORBIDDEN_KEYS.has(key))
      throw validationFailed([{ pointer: `${pointer}/${key}`, detail: 'This name is not allowed.' }]);
    refuseHostile(member, `${pointer}/${key}`, depth + 1);
  }
}
