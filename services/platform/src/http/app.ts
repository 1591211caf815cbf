import { randomUUID } from 'node:crypto';
import express, { type Express, type Request, type RequestHandler } from 'express';
import promBundle from 'express-prom-bundle';
import type { Logger } from '../logging.ts';
import { LATENCY_BUCKETS, type Metrics } from '../metrics.ts';
import { withRequestContext } from '../request-context.ts';
import { type OpenApiDocument, toOpenApi } from './openapi.ts';
import { answerOtherMethods, problemResponder, routeNotFound } from './problem.ts';
import { type Route, toHandlers, type Verifiers } from './route.ts';
import { type SystemParts, systemRoutes } from './system.ts';

/** ms that a request from outside may take in all; an internal one brings what is left. */
const PUBLIC_DEADLINE = 5000;
const SANE_REQUEST_ID = /^[A-Za-z0-9_-]{8,64}$/;
const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

export interface HttpApp {
  readonly app: Express;
  readonly document: OpenApiDocument;
}

/** Builds the Express app of a service from its routes: they are mounted, validated and documented by one declaration each. */
export function createHttpApp(
  service: string,
  routes: readonly Route[],
  parts: { metrics: Metrics; logger: Logger; verifiers: Verifiers; system: SystemParts },
): HttpApp {
  const { metrics, logger, verifiers, system } = parts;
  const document = toOpenApi(service, routes);
  const app = express();
  app.disable('x-powered-by').disable('etag').set('query parser', 'simple').set('trust proxy', 1);
  app.enable('case sensitive routing').enable('strict routing');
  app.use(measureRequests(metrics), enterRequest);
  app.use(systemRoutes(service, document, system));
  mount(app, routes, verifiers);
  app.use(routeNotFound, problemResponder(logger));
  return { app, document };
}

function measureRequests(metrics: Metrics): RequestHandler {
  return promBundle({
    promRegistry: metrics.registry,
    metricType: 'histogram',
    buckets: LATENCY_BUCKETS,
    includeMethod: true,
    includePath: true,
    includeUp: false,
    normalizePath: routePattern,
    transformLabels: boundMethod,
    bypass: (request) => request.path.startsWith('/health/'),
  });
}

/** The label is the pattern, never the URL: it has as many values as there are routes. */
function routePattern(request: Request): string {
  const pattern: unknown = request.route?.path;
  return typeof pattern === 'string' ? pattern : 'unmatched';
}

/** Node's parser knows some thirty methods; anybody may send them, and nobody asks which one it was. */
const METHODS: ReadonlySet<unknown> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

function boundMethod(labels: { method?: unknown }): void {
  if (!METHODS.has(labels.method)) labels.method = 'other';
}

const enterRequest: RequestHandler = (request, response, next) => {
  const given = request.get('x-request-id');
  const requestId = given !== undefined && SANE_REQUEST_ID.test(given) ? given : randomUUID();
  const traceparent = request.get('traceparent');
  response.setHeader('X-Request-Id', requestId);
  const context = {
    requestId,
    traceparent: traceparent !== undefined && TRACEPARENT.test(traceparent) ? traceparent : undefined,
    deadlineAt: Date.now() + deadlineMs(request),
  };
  withRequestContext(context, next);
};

function deadlineMs(request: Request): number {
  const left = request.path.startsWith('/internal/') ? Number(request.get('x-deadline-ms')) : Number.NaN;
  return left > 0 ? Math.min(left, PUBLIC_DEADLINE) : PUBLIC_DEADLINE;
}

function mount(app: Express, routes: readonly Route[], verifiers: Verifiers): void {
  for (const [path, siblings] of Map.groupBy(routes, ({ path }) => path)) {
    const mounted = app.route(path.replaceAll(/\{(\w+)\}/g, ':$1'));
    for (const route of siblings) mounted[route.method](...toHandlers(route, verifiers));
    const methods = siblings.map(({ method }) => method.toUpperCase());
    const allowed = [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'];
    mounted.all(answerOtherMethods(allowed));
  }
}
