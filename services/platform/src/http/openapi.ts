import {
  extendZodWithOpenApi,
  OpenAPIRegistry,
  OpenApiGeneratorV31,
  type RouteConfig,
} from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { Problem } from './problem.ts';
import type { Access, Route } from './route.ts';

extendZodWithOpenApi(z);

export type OpenApiDocument = ReturnType<OpenApiGeneratorV31['generateDocument']>;

const REASONS: Readonly<Record<number, string>> = {
  400: 'The input breaks a rule; `errors` names the fields.',
  401: 'No valid token.',
  403: 'The role is missing.',
  404: 'Not there, or not yours.',
  409: 'Not in this state; `code` says why.',
  412: 'Changed by somebody else meanwhile.',
  413: 'The body is over 64 kB.',
  414: 'The address is over 8 kB.',
  415: 'The body is not JSON.',
  422: 'The Idempotency-Key was used for another body.',
  428: 'If-Match is missing.',
  429: 'Too many; see Retry-After.',
  503: 'Not now; see Retry-After.',
};

/** The OpenAPI 3.1 document of a service, made of its routes alone. */
export function toOpenApi(service: string, routes: readonly Route[]): OpenApiDocument {
  const registry = new OpenAPIRegistry();
  registry.registerComponent('securitySchemes', 'user', { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' });
  registry.registerComponent('securitySchemes', 'service', { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' });
  for (const name of new Set(routes.flatMap(({ access }) => guestHeader(access) ?? []))) {
    registry.registerComponent('securitySchemes', 'guest', { type: 'apiKey', in: 'header', name });
  }
  for (const route of routes) registry.registerPath(toOperation(route));
  return new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: { title: `Product Store: ${service} service`, version: '1.0.0', license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/' }],
  });
}

function toOperation(route: Route): RouteConfig {
  const { method, path, summary, description, tag, access } = route;
  const { params, query, body } = route.request ?? {};
  const headers = z.object({
    ...(route.idempotencyKey && { 'Idempotency-Key': z.string().min(1).max(255) }),
    ...(route.ifMatch && { 'If-Match': z.string().min(1).meta({ example: '"3"' }) }),
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

function successes({ method, status = 200, response, alternatives = {}, etag }: Route): RouteConfig['responses'] {
  const content = response && { content: { 'application/json': { schema: response } } };
  const described = { [status]: 'Done.', ...alternatives, ...(etag && method === 'get' && { 304: 'Not changed.' }) };
  return Object.fromEntries(
    Object.entries(described).map(([code, text]) => [code, { description: text, ...(code !== '304' && content) }]),
  );
}

function problems(route: Route): RouteConfig['responses'] {
  const { access, idempotencyKey, ifMatch, errors = [] } = route;
  const statuses = new Set([400, 413, 415, 503, ...errors]);
  if (route.request?.query) statuses.add(414);
  if (access !== 'public') statuses.add(401);
  if (access === 'admin' || (typeof access === 'object' && 'services' in access)) statuses.add(403);
  if (ifMatch) for (const status of [412, 428]) statuses.add(status);
  if (idempotencyKey) for (const status of [409, 422]) statuses.add(status);
  return Object.fromEntries(
    [...statuses]
      .sort()
      .map((status) => [
        status,
        { description: REASONS[status] ?? 'Refused.', content: { 'application/problem+json': { schema: Problem } } },
      ]),
  );
}
