import type { Request } from 'express';
import { z } from 'zod';
import { BadRequest, PreconditionRequired, validationFailed } from '../errors.ts';
import { toValidationFailed } from './problem.ts';
import type { AnyInput, Route } from './route.ts';

/** All that the route declares of its input, validated; what it doesn't declare is refused. */
export function readInput(route: Route, request: Request): AnyInput {
  const { params, query, body } = route.request ?? {};
  return {
    params: params && parse(params, request.params),
    query: query ? parse(query, request.query) : refuseQuery(request),
    body: body ? parse(body, request.body) : refuseBody(request),
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

const NOTHING = z.strictObject({}, 'This takes no body.').optional();

/** Clients that always send an object may send an empty one. */
function refuseBody(request: Request): undefined {
  parse(NOTHING, request.body);
}

function refuseQuery(request: Request): undefined {
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
  return new BadRequest('idempotency_key_required', 'Send an Idempotency-Key, so that a retry cannot do it twice.');
}

/** Of a tag `"version.…"` the version alone counts. Weak ones too: a proxy that compresses makes them of ours. */
function readIfMatch(request: Request): (version: number) => boolean {
  const header = request.get('if-match');
  if (header === undefined || header === '') throw preconditionRequired();
  const tags = header.split(',').map((tag) => tag.trim());
  const versions = tags.map((tag) => /^(?:W\/)?"(\d+)(?:\.\d+)?"$/.exec(tag)?.[1]);
  return (version) => tags.includes('*') || versions.includes(String(version));
}

export function preconditionRequired(): PreconditionRequired {
  return new PreconditionRequired('precondition_required', 'Send the ETag of what you want to change as If-Match.');
}
