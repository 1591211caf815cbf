import { isUtf8 } from 'node:buffer';
import express, { type Request, type RequestHandler } from 'express';
import { UnsupportedMediaType, validationFailed } from '../errors.ts';

const MAX_BODY = '64kb';
const MAX_DEPTH = 32;
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

// Not `strict`: a scalar is valid JSON, and it is for the route's schema to refuse it.
const parseJson = express.json({ limit: MAX_BODY, strict: false, type: isJson, verify: refuseBrokenText });

/** Reads the body if there is one: JSON of at most 64 kB and 32 levels; anything else is 415, 413 or 400. */
export const readJsonBody: RequestHandler[] = [requireJson, parseJson, refuseHostileJson].map(
  (read) => (request, response, next) => (hasContent(request) ? read(request, response, next) : next()),
);

function hasContent({ headers }: Request): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function requireJson(...[request, , next]: Parameters<RequestHandler>): void {
  if (!isJson(request)) throw notJson();
  next();
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

function refuseHostileJson(...[request, , next]: Parameters<RequestHandler>): void {
  inspect(request.body, '', 1);
  next();
}

function inspect(value: unknown, pointer: string, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > MAX_DEPTH) throw validationFailed([{ pointer, detail: `Nested deeper than ${MAX_DEPTH} levels.` }]);
  for (const [key, member] of Object.entries(value)) {
    if (FORBIDDEN_KEYS.has(key))
      throw validationFailed([{ pointer: `${pointer}/${key}`, detail: 'This name is not allowed.' }]);
    inspect(member, `${pointer}/${key}`, depth + 1);
  }
}
