import {
  extendZodWithOpenApi,
  OpenAPIRegistry,
  OpenApiGeneratorV31,
  type RouteConfig,
} from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { Problem } from './problem.ts';
import type { Route } from './route.ts';

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
  const headers = route.idempotencyKey ? z.object({ 'Idempotency-Key': z.string().min(1).max(255) }) : undefined;
  return {
    method,
    path,
    summary,
    tags: [tag],
    operationId: toOperationId(route),
    ...(description && { description }),
    security: access === 'public' ? [] : [typeof access === 'object' ? { service: [] } : { user: [] }],
    request: {
      ...(params && { params }),
      ...(query && { query }),
      ...(headers && { headers }),
      ...(body && { body: { required: true, content: { 'application/json': { schema: body } } } }),
    },
    responses: { ...successes(route), ...problems(route) },
  };
}

function toOperationId({ method, path }: Route): string {
  return `${method}${path.replace(/[^A-Za-z0-9]+(.)?/g, (_, letter: string | undefined) => letter?.toUpperCase() ?? '')}`;
}

function successes({ status = 200, response, alternatives = {}, etag }: Route): RouteConfig['responses'] {
  const content = response && { content: { 'application/json': { schema: response } } };
  const described = { [status]: 'Done.', ...alternatives, ...(etag && { 304: 'Not changed.' }) };
  return Object.fromEntries(
    Object.entries(described).map(([code, text]) => [code, { description: text, ...(code !== '304' && content) }]),
  );
}

function problems(route: Route): RouteConfig['responses'] {
  const { access, request, idempotencyKey, errors = [] } = route;
  const statuses = new Set([400, 503, ...errors]);
  if (access !== 'public') statuses.add(401);
  if (access === 'admin' || typeof access === 'object') statuses.add(403);
  if (request?.body) for (const status of [413, 415]) statuses.add(status);
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
