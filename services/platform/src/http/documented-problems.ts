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

/** What Nginx itself may answer in place of a service, in the words of nginx/problem-texts.conf. */
export const GATEWAY_PROBLEMS: readonly ProblemFacts[] = [
  { status: 400, code: 'bad_request', message: "The request can't be read." },
  { status: 408, code: 'request_timeout', message: 'The request took too long to arrive.' },
  { status: 414, code: 'uri_too_long', message: 'The address is too long.' },
  { status: 429, code: 'too_many_requests', message: 'Too many requests; try again after the time in Retry-After.' },
  { status: 431, code: 'headers_too_large', message: 'The headers are too large.' },
  { status: 502, code: 'upstream_unavailable', message: "The service can't be reached; try again." },
  { status: 503, code: 'upstream_unavailable', message: "The service can't be reached; try again." },
  {
    status: 504,
    code: 'upstream_timeout',
    message: "The service didn't respond in time; the request may still have been carried out.",
  },
];

const { status, code, message } = changedMeanwhile(4);
/** Nginx compares If-Match with the answer in its cache, and knows no version. */
export const CACHE_PROBLEM: ProblemFacts = { status, code, message };

/** Every refusal that a request to the route may meet: the route's own, the platform's and Nginx's. */
export function problemsOf(route: Route): ProblemFacts[] {
  const { access, idempotencyKey, ifMatch, paged, cache, errors = [] } = route;
  const isInternal = typeof access === 'object' && 'services' in access;
  return [
    ...errors,
    invalidInput(route),
    // Also for a body that the route doesn't take.
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
    ...(cache ? [CACHE_PROBLEM] : []),
  ];
}

/** What the route's schemas say about invalid input. */
function invalidInput({ request: { params, query, body } = {} }: Route): StoreError {
  const noIds = Object.fromEntries(Object.keys(params?.shape ?? {}).map((name) => [name, '?']));
  const parsed = body?.safeParse({ surprise: true }) ?? query?.safeParse({ page: '2' }) ?? params?.safeParse(noIds);
  return parsed?.error ? toValidationFailed(parsed.error) : unknownParameter('page');
}
