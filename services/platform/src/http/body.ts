import express, { type RequestHandler } from 'express';
import { UnsupportedMediaType, validationFailed } from '../errors.ts';

const MAX_BODY = '64kb';
const MAX_DEPTH = 32;
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

const parseJson = express.json({ limit: MAX_BODY, strict: true, type: isJson });

/** Reads a JSON body of at most 64 kB and 32 levels; anything else is 415, 413 or 400. Only routes that take a body read one. */
export const readJsonBody: RequestHandler[] = [requireJson, parseJson, refuseHostileJson];

function requireJson(...[request, , next]: Parameters<RequestHandler>): void {
  if (!isJson(request))
    throw new UnsupportedMediaType('unsupported_media_type', 'The body must be sent as application/json.');
  next();
}

function isJson(request: { headers: Record<string, unknown> }): boolean {
  const type = String(request.headers['content-type'] ?? '')
    .split(';', 1)[0]
    ?.trim()
    .toLowerCase();
  return type === 'application/json' || type === 'application/merge-patch+json';
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
