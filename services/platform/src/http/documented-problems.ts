import { changedMeanwhile, databaseUnavailable, type StoreError, Unauthorized } from '../errors.ts';
import { notAnAdmin, notThisService } from './authorize.ts';
import { notJson } from './body.ts';
import { invalidCursor } from './cursor.ts';
import { idempotencyKeyRequired, preconditionRequired, unknownParameter } from './input.ts';
import {
  INTERNAL_ERROR,
  malformedJson,
  malformedRequest,
  type ProblemFacts,
  payloadTooLarge,
  toValidationFailed,
} from './problem.ts';
import type { Route } from './route.ts';

/** What Nginx tells by itself of a request that a service would have answered, in the words of nginx/problem-texts.conf. */
export const GATEWAY_PROBLEMS: readonly ProblemFacts[] = [
  { status: 400, code: 'bad_request', message: "The request can't be read." },
  { status: 408, code: 'request_timeout', message: 'The request took too long to arrive.' },
  { status: 414, code: 'uri_too_long', message: 'The address is too long.' },
  { status: 429, code: 'too_many_requests', message: 'Too many requests; ask again after the time in Retry-After.' },
  { status: 431, code: 'headers_too_large', message: 'The headers are too large.' },
  { status: 502, code: 'upstream_unavailable', message: "The service can't be reached; ask again." },
  { status: 503, code: 'upstream_unavailable', message: "The service can't be reached; ask again." },
  {
    status: 504,
    code: 'upstream_timeout',
    message: "The service didn't answer in time; what was asked may still have been done.",
  },
];

/** Nginx compares If-Match with what its cache holds. */
export const CACHE_PROBLEM: ProblemFacts = {
  status: 412,
  code: 'precondition_failed',
  message: "It isn't what If-Match names; read it again.",
};

/** Every refusal that may be the answer to a request for the route: its own, those of the platform and those of Nginx. */
export function problemsOf(route: Route): ProblemFacts[] {
  const { access, idempotencyKey, ifMatch, paged, cache, errors = [] } = route;
  const isInternal = typeof access === 'object' && 'services' in access;
  return [
    ...errors,
    invalidInput(route),
    // Of a body that nobody asked for too.
    malformedJson(),
    malformedRequest(),
    ...(paged ? [invalidCursor()] : []),
    ...(idempotencyKey ? [idempotencyKeyRequired()] : []),
    ...(access === 'public' ? [] : [new Unauthorized()]),
    ...(access === 'admin' ? [notAnAdmin()] : []),
    ...(isInternal ? [notThisService()] : []),
    ...(ifMatch ? [changedMeanwhile(4), preconditionRequired()] : []),
    payloadTooLarge(),
    notJson(),
    INTERNAL_ERROR,
    databaseUnavailable(),
    ...(isInternal ? [] : GATEWAY_PROBLEMS),
    ...(cache === 'catalogue' ? [CACHE_PROBLEM] : []),
  ];
}

/** What the schemas of the route say of an input that is wrong. */
function invalidInput({ request: { params, query, body } = {} }: Route): StoreError {
  const noIds = Object.fromEntries(Object.keys(params?.shape ?? {}).map((name) => [name, '?']));
  const parsed = body?.safeParse({ surprise: true }) ?? query?.safeParse({ page: '2' }) ?? params?.safeParse(noIds);
  return parsed?.error ? toValidationFailed(parsed.error) : unknownParameter('page');
}
