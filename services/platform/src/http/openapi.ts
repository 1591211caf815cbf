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
  400: 'The input breaks a rule; `errors` names the fields.',
  401: 'No valid token, or wrong credentials.',
  403: 'Not allowed; `code` says why.',
  404: 'Not there, or not yours.',
  408: 'It took too long to arrive.',
  409: 'Not in this state; `code` says why.',
  412: 'Changed by somebody else meanwhile.',
  413: 'The body is over 64 kB.',
  414: 'The address is over 8 kB.',
  415: 'The body is not JSON.',
  422: 'The Idempotency-Key was used for another body.',
  428: 'If-Match is missing.',
  429: 'Too many; see Retry-After.',
  431: 'A header is over 8 kB.',
  500: 'Our fault.',
  502: 'The service is away.',
  503: 'Not now; see Retry-After.',
  504: 'No answer in time.',
};

// With `examples` rather than an `example`, which Swagger UI fills in: these are never right twice.
const IdempotencyKey = z
  .string()
  .min(1)
  .max(255)
  .meta({
    description: 'A new one for each thing that you want done, the same one for each try.',
    examples: ['3f0e6a52-1d7c-4c89-b3a5-72c1e9d4f608'],
  });
const IfMatch = z
  .string()
  .min(1)
  .meta({ description: 'The `ETag` of what you have read.', examples: ['"3"'] });

const Replayed = z
  .literal('true')
  .optional()
  .meta({ description: 'The key was used for the same before.', example: 'true' });
const WwwAuthenticate = z.string().meta({ example: 'Bearer' });
const RetryAfter = z.string().meta({ description: 'Seconds.', example: '1' });

/** As Nginx makes them. */
const REQUEST_ID = '5f0c1d9ab84e4c7f9a3de2b61c80f7d4';

/** The OpenAPI 3.1 document of a service, made of its routes alone. */
export function toOpenApi(service: string, routes: readonly Route[]): OpenApiDocument {
  const registry = new OpenAPIRegistry();
  const bearer = { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } as const;
  registry.registerComponent('securitySchemes', 'user', {
    ...bearer,
    description: 'The `access_token` of `POST /api/v1/auth/login`, good for ten minutes.',
  });
  registry.registerComponent('securitySchemes', 'service', {
    ...bearer,
    description: 'What services sign for each other: nothing that is had from outside opens `/internal/`.',
  });
  for (const name of new Set(routes.flatMap(({ access }) => guestHeader(access) ?? []))) {
    registry.registerComponent('securitySchemes', 'guest', {
      type: 'apiKey',
      in: 'header',
      name,
      description: 'The `cartToken` that came with a guest’s new cart.',
    });
  }
  for (const route of routes) registry.registerPath(toOperation(route));
  return new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: {
      title: `Product Store: ${service} service`,
      version: '1.0.0',
      description: 'What all operations have in common is in the [API guide](/docs/api/).',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: toTags(routes),
  });
}

/** In the order of their routes, what isn't for outside last. */
function toTags(routes: readonly Route[]) {
  const names = new Set(routes.map(({ tag }) => tag));
  const isInternal = names.delete('Internal');
  const internal = { name: 'Internal', description: 'Between services: from outside there is nothing at these paths.' };
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

/** An empty requirement means: or without any. */
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

/** A PATCH is a merge patch (RFC 7396), under either name. */
function toContent(method: Route['method'], schema: z.ZodType) {
  const content = { 'application/json': { schema } };
  return method === 'patch' ? { ...content, 'application/merge-patch+json': { schema } } : content;
}

function successes(route: Route): RouteConfig['responses'] {
  const { method, status = 200, response, alternatives = {}, etag } = route;
  const headers = toHeaders(route);
  const answers = { [status]: { description: 'Done.', response }, ...alternatives };
  return {
    ...Object.fromEntries(
      Object.entries(answers).map(([code, { description, response: schema = response }]) => [
        code,
        { description, headers, ...(schema && { content: { 'application/json': { schema } } }) },
      ]),
    ),
    ...(etag && method === 'get' && { 304: { description: 'Not changed.' } }),
  };
}

/** What the answer to the example of the body would carry. */
function toHeaders({ path, response, etag, location, paged, idempotencyKey }: Route) {
  const body: unknown = response?.meta()?.example;
  const header = (description: string, example: string | undefined) => z.string().meta({ description, example });
  const tag = 'Names what was read, for `If-None-Match` or `If-Match`.';
  return z.object({
    ...(etag && { ETag: header(tag, body ? etag(body) : undefined) }),
    ...(location && { Location: header('Where it is.', body ? location(body) : undefined) }),
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
      // The route itself comes first: what it tells under a code is what is shown.
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

/** The path with the examples of its parameters. */
function examplePath({ path, request }: Route): string {
  const fields = request?.params?.shape ?? {};
  return path.replace(/\{(\w+)\}/g, (_, name: string) => String(fields[name]?.meta()?.example));
}
