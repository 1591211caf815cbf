import type { Request } from 'express';
import { z } from 'zod';
import { BadRequest, PreconditionRequired, validationFailed } from '../errors.ts';
import { toValidationFailed } from './problem.ts';
import type { AnyInput, Route } from './route.ts';

/** The input that the route declares, validated; anything else in the request is refused. */
export function readInput(route: Route, request: Request): AnyInput {
  const { params, query, body } = route.request ?? {};
  return {
    params: params && parse(params, request.params),
    query: query ? parse(query, request.query) : refuseQuery(request),
    body: body ? readBody(body, request) : refuseBody(request),
    idempotencyKey: route.idempotencyKey ? readIdempotencyKey(request) : undefined,
    expects: route.ifMatch ? readIfMatch(request) : undefined,
    ip: request.ip ?? '',
  } as AnyInput;
}

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw toValidationFailed(parsed.error);
  return parsed.data;
}

function readBody<Schema extends z.ZodType>(schema: Schema, { body }: Request): z.output<Schema> {
  if (body === undefined) throw validationFailed([{ pointer: '', detail: 'A JSON body is required.' }]);
  return parse(schema, body);
}

const NOTHING = z.strictObject({}, 'This takes no body.');

/** An empty object is accepted from clients that always send one. */
function refuseBody(request: Request): undefined {
  if (request.body !== undefined) parse(NOTHING, request.body);
}

export function refuseQuery(request: Request): undefined {
  const [name] = Object.keys(request.query);
  if (name === undefined) return undefined;
  throw unknownParameter(name);
}

export function unknownParameter(name: string): BadRequest {
  return validationFailed([{ pointer: `/${name}`, detail: 'Unknown parameter.' }]);
}

function readIdempotencyKey(request: Request): string {
  const key = request.get('idempotency-key');
  if (key === undefined || key === '') throw idempotencyKeyRequired();
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw validationFailed([{ pointer: '/Idempotency-Key', detail: '1 to 255 visible ASCII characters.' }]);
  }
  return key;
}

export function idempotencyKeyRequired(): BadRequest {
  return new BadRequest('idempotency_key_required', "Send an Idempotency-Key, so that a retry can't do it twice.");
}

/** Of a tag `"version.…"` only the version counts. Weak tags match too: a proxy that compresses makes them from ours. */
function readIfMatch(request: Request): (version: number) => boolean {
  const header = request.get('if-match');
  if (header === undefined || header === '') throw preconditionRequired();
  const tags = header.split(',').map((tag) => tag.trim());
  const versions = tags.map((tag) => /^(?:W\/)?"(\d+)(?:\.\d+)?"$/.exec(tag)?.[1]);
  return (version) => tags.includes('*') || versions.includes(String(version));
}

export function preconditionRequired(): PreconditionRequired {
  return new PreconditionRequired('precondition_required', 'Send the ETag of the resource to change as If-Match.');
}
