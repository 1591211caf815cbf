import { STATUS_CODES } from 'node:http';
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { z } from 'zod';
import {
  BadRequest,
  MethodNotAllowed,
  NotFound,
  PayloadTooLarge,
  StoreError,
  UnsupportedMediaType,
  validationFailed,
} from '../errors.ts';
import type { Logger } from '../logging.ts';
import { currentRequest } from '../request-context.ts';

/** RFC 9457, with a stable `code` and the request's id. */
export const Problem = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    code: z.string(),
    requestId: z.string(),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  })
  .meta({
    id: 'Problem',
    description: 'RFC 9457 problem. `code` is stable; `errors` names the fields that failed validation.',
  });

export function problemResponder(logger: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) return next(error);
    sendProblem(request, response, toStoreError(error) ?? unexpected(error, logger));
  };
}

function sendProblem(request: Request, response: Response, facts: ProblemFacts): void {
  const { status, code, retryAfter, replayed, cause } = facts;
  const instance = request.originalUrl.split('?', 1)[0] as string;
  response.locals.refusal = { code, ...(cause !== undefined && { cause: String(cause) }) };
  response.statusCode = status;
  response.setHeader('Content-Type', 'application/problem+json');
  response.setHeader('Cache-Control', 'no-store');
  if (status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
  if (retryAfter !== undefined) response.setHeader('Retry-After', String(retryAfter));
  if (replayed) response.setHeader('Idempotent-Replayed', 'true');
  if (status === 413) response.setHeader('Connection', 'close');
  response.end(JSON.stringify(toProblem(facts, instance, currentRequest()?.requestId ?? '')));
}

/** The body of a refusal; `instance` is the path of the request. */
export function toProblem(
  { status, code, message, extensions = {} }: ProblemFacts,
  instance: string,
  requestId: string,
): z.output<typeof Problem> {
  const title = STATUS_CODES[status] ?? 'Error';
  return { ...extensions, type: 'about:blank', title, status, detail: message, instance, code, requestId };
}

/** What a problem is made of; a StoreError has all of it. */
export interface ProblemFacts extends Partial<Pick<StoreError, 'extensions' | 'retryAfter' | 'replayed' | 'cause'>> {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

function unexpected(error: unknown, logger: Logger): ProblemFacts {
  logger.error('request_failed', 'A request failed unexpectedly.', { cause: error });
  return INTERNAL_ERROR;
}

export const INTERNAL_ERROR: ProblemFacts = {
  status: 500,
  code: 'internal_error',
  message: 'Something went wrong on our side.',
};

/** A StoreError stays as it is; errors of Express and its body parser are translated into ours. */
function toStoreError(error: unknown): StoreError | undefined {
  if (error instanceof StoreError) return error;
  const { type, status } = error as { type?: string; status?: number };
  if (type === 'entity.parse.failed' || type === 'entity.verify.failed') return malformedJson();
  if (type === 'entity.too.large') return payloadTooLarge();
  if (type === 'charset.unsupported' || type === 'encoding.unsupported') {
    return new UnsupportedMediaType('unsupported_media_type', 'The body must be JSON in UTF-8.');
  }
  if (typeof status === 'number' && status >= 400 && status < 500) return malformedRequest();
  return undefined;
}

export function malformedJson(): BadRequest {
  return new BadRequest('malformed_json', 'The body is not valid JSON.', rootFault('Not valid JSON.'));
}

export function malformedRequest(): BadRequest {
  return new BadRequest('malformed_request', 'The request could not be read.', rootFault('Could not be read.'));
}

export function payloadTooLarge(): PayloadTooLarge {
  return new PayloadTooLarge('payload_too_large', 'The body is larger than 64 kB.');
}

function rootFault(detail: string) {
  return { extensions: { errors: [{ pointer: '', detail }] } };
}

export function routeNotFound(): never {
  throw new NotFound('not_found', 'There is nothing at this path.');
}

/** Answers OPTIONS with the methods allowed, and every other method with 405. */
export function answerOtherMethods(allowed: readonly string[]) {
  const allow = allowed.join(', ');
  return (request: Request, response: Response): void => {
    response.setHeader('Allow', allow);
    if (request.method === 'OPTIONS') return void response.setHeader('Cache-Control', 'no-store').status(204).end();
    throw new MethodNotAllowed('method_not_allowed', `The methods allowed here are ${allow}.`);
  };
}

const answerWrites = answerOtherMethods(['GET', 'HEAD', 'OPTIONS']);

/** Lets only GET and HEAD through: for pages and system paths, which aren't in the OpenAPI document. */
export const onlyReads: RequestHandler = (request, response, next) => {
  if (request.method === 'GET' || request.method === 'HEAD') next();
  else answerWrites(request, response);
};

/** Names every field that violates the schema, by its JSON pointer. */
export function toValidationFailed(error: z.ZodError): BadRequest {
  return validationFailed(
    error.issues.flatMap((issue) => {
      if (issue.code === 'unrecognized_keys')
        return issue.keys.map((key) => ({ pointer: toPointer([...issue.path, key]), detail: 'Unknown field.' }));
      return [{ pointer: toPointer(issue.path), detail: issue.message }];
    }),
  );
}

function toPointer(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
