import {
  extendZodWithOpenApi,
  OpenAPIRegistry,
  OpenApiGeneratorV31,
  type RouteConfig,
} from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { problemsOf } from './documented-problems.ts';
import { Problem, toProblem } from './problem.ts';
import type { Access, Route } from './route.ts';

extendZodWithOpenApi(z);

export type OpenApiDocument = ReturnType<OpenApiGeneratorV31['generateDocument']>;

const REASONS: Readonly<Record<number, string>> = {
  400: 'The input is invalid; `errors` names the fields.',
  401: 'No valid token, or wrong credentials.',
  403: 'Not allowed; `code` says why.',
  404: 'Not found, or not yours.',
  408: 'The request took too long to arrive.',
  409: 'Not possible in the current state; `code` says why.',
  412: 'The resource no longer matches If-Match.',
  413: 'The body is larger than 64 kB.',
  414: 'The URL is longer than 8 kB.',
  415: 'The body is not JSON.',
  422: 'The Idempotency-Key was used with a different body.',
  428: 'If-Match is missing.',
  429: 'Too many requests; see Retry-After.',
  431: 'A header is larger than 8 kB.',
  500: 'An error on our side.',
  502: 'The service is unreachable.',
  503: 'Temporarily unavailable; see Retry-After.',
  504: 'No response in time; the request may still have been carried out.',
};

// `examples` rather than `example`, which Swagger UI would fill in: no value is right twice.
const IdempotencyKey = z
  .string()
  .min(1)
  .max(255)
  .meta({
    description: 'A new key for each operation; the same key for each retry of it.',
    examples: ['3f0e6a52-1d7c-4c89-b3a5-72c1e9d4f608'],
  });
const IfMatch = z
  .string()
  .min(1)
  .meta({ description: 'The `ETag` of the version to change.', examples: ['"3"'] });

const Replayed = z
  .literal('true')
  .optional()
  .meta({ description: 'This key has been answered before.', example: 'true' });
const WwwAuthenticate = z.string().meta({ example: 'Bearer' });
const RetryAfter = z.string().meta({ description: 'Seconds to wait before a retry.', example: '1' });

/** In the form in which Nginx makes them. */
const REQUEST_ID = '5f0c1d9ab84e4c7f9a3de2b61c80f7d4';

/** The OpenAPI 3.1 document of a service, generated entirely from its routes. */
export function toOpenApi(service: string, routes: readonly Route[]): OpenApiDocument {
  const registry = new OpenAPIRegistry();
  const bearer = { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } as const;
  registry.registerComponent('securitySchemes', 'user', {
    ...bearer,
    description: 'The `access_token` from `POST /api/v1/auth/login`, valid for ten minutes.',
  });
  registry.registerComponent('securitySchemes', 'service', {
    ...bearer,
    description: 'Tokens that services sign for each other; no token issued to outside callers opens `/internal/`.',
  });
  for (const name of new Set(routes.flatMap(({ access }) => guestHeader(access) ?? []))) {
    registry.registerComponent('securitySchemes', 'guest', {
      type: 'apiKey',
      in: 'header',
      name,
      description: 'The `cartToken` returned with a guest’s new cart.',
    });
  }
  for (const route of routes) registry.registerPath(toOperation(route));
  return new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: {
      title: `Product Store: ${service} service`,
      version: '1.0.0',
      description: 'The [API guide](/docs/api/) describes what all operations have in common.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: toTags(routes),
  });
}

/** In the order of their routes, the internal ones last. */
function toTags(routes: readonly Route[]) {
  const names = new Set(routes.map(({ tag }) => tag));
  const isInternal = names.delete('Internal');
  const internal = { name: 'Internal', description: 'Between services; unreachable from outside.' };
  return [...[...names].map((name) => ({ name })), ...(isInternal ? [internal] : [])];
}

function toOperation(route: Route): RouteConfig {
  const { method, path, summary, description, tag, access } = route;
  const { params, query, body } = route.request ?? {};
  const headers = z.object({
    ...(route.idempotencyKey && { 'Idempotency-Key': IdempotencyKey }),
    ...(route.ifMatch && { 'If-Match': IfMatch }),
  });
  return {
    method,
    path,
    summary,
    tags: [tag],
    operationId: toOperationId(route),
    ...(description && { description }),
    security: toSecurity(access),
    request: {
      ...(params && { params }),
      ...(query && { query }),
      headers,
      ...(body && { body: { required: true, content: toContent(method, body) } }),
    },
    responses: { ...successes(route), ...problems(route) },
  };
}

/** An empty requirement means that the route can also be called without credentials. */
function toSecurity(access: Access): NonNullable<RouteConfig['security']> {
  if (access === 'public') return [];
  if (typeof access === 'string') return [{ user: [] }];
  if ('services' in access) return [{ service: [] }];
  return [{ user: [] }, guestHeader(access) ? { guest: [] } : {}];
}

function guestHeader(access: Access): string | undefined {
  const isGuests = typeof access === 'object' && 'userOr' in access && access.userOr !== 'anyone';
  return isGuests ? access.userOr : undefined;
}

function toOperationId({ method, path }: Route): string {
  return `${method}${path.replace(/[^A-Za-z0-9]+(.)?/g, (_, letter: string | undefined) => letter?.toUpperCase() ?? '')}`;
}

/** A PATCH is a merge patch (RFC 7396) under either media type. */
function toContent(method: Route['method'], schema: z.ZodType) {
  const content = { 'application/json': { schema } };
  return method === 'patch' ? { ...content, 'application/merge-patch+json': { schema } } : content;
}

function successes(route: Route): RouteConfig['responses'] {
  const { method, status = 200, response, alternatives = {}, etag } = route;
  const headers = toHeaders(route);
  const answers = { [status]: { description: 'Success.', response }, ...alternatives };
  return {
    ...Object.fromEntries(
      Object.entries(answers).map(([code, { description, response: schema = response }]) => [
        code,
        { description, headers, ...(schema && { content: { 'application/json': { schema } } }) },
      ]),
    ),
    ...(etag && method === 'get' && { 304: { description: 'Not modified.' } }),
  };
}

/** The headers that the example response would have. */
function toHeaders({ path, response, etag, location, paged, idempotencyKey }: Route) {
  const body: unknown = response?.meta()?.example;
  const header = (description: string, example: string | undefined) => z.string().meta({ description, example });
  const tag = 'The version of the resource, for `If-None-Match` and `If-Match`.';
  return z.object({
    ...(etag && { ETag: header(tag, body ? etag(body) : undefined) }),
    ...(location && { Location: header('The URL of the new resource.', body ? location(body) : undefined) }),
    ...(paged && {
      Link: header('The next page, if there is one.', `<${path}?cursor=eyJ0IjoxN>; rel="next"`).optional(),
    }),
    ...(idempotencyKey && { 'Idempotent-Replayed': Replayed }),
  });
}

function problems(route: Route): RouteConfig['responses'] {
  const instance = examplePath(route);
  const byStatus = Object.groupBy(problemsOf(route), ({ status }) => status);
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, found = []]) => {
      // The route's own refusals come first: of several with one code, the first is shown.
      const told = found.filter(({ code }, index) => index === found.findIndex((other) => other.code === code));
      const examples = Object.fromEntries(
        told.map((facts) => [facts.code, { value: toProblem(facts, instance, REQUEST_ID) }]),
      );
      const description = REASONS[Number(status)] ?? 'Refused.';
      const headers = z.object({
        ...(status === '401' && { 'WWW-Authenticate': WwwAuthenticate }),
        ...((status === '429' || status === '503') && { 'Retry-After': RetryAfter }),
      });
      return [status, { description, headers, content: { 'application/problem+json': { schema: Problem, examples } } }];
    }),
  );
}

/** The path with example values for its parameters. */
function examplePath({ path, request }: Route): string {
  const fields = request?.params?.shape ?? {};
  return path.replace(/\{(\w+)\}/g, (_, name: string) => String(fields[name]?.meta()?.example));
}
