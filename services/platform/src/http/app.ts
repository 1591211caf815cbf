import { randomUUID } from 'node:crypto';
import express, { type Express, type Request, type RequestHandler } from 'express';
import promBundle from 'express-prom-bundle';
import type { Logger } from '../logging.ts';
import { LATENCY_BUCKETS, type Metrics } from '../metrics.ts';
import { type RequestContext, withRequestContext } from '../request-context.ts';
import { isTraceparent, newTraceparent } from '../tracing/trace-context.ts';
import { startSpan } from '../tracing/tracing.ts';
import type { Verifiers } from './authorize.ts';
import { mount } from './mount.ts';
import { type OpenApiDocument, toOpenApi } from './openapi.ts';
import { problemResponder, routeNotFound } from './problem.ts';
import type { Route } from './route.ts';
import { type SystemParts, systemRoutes } from './system.ts';

/** ms that a request from outside may take in all; an internal one brings what is left. */
const PUBLIC_DEADLINE = 5000;
const SANE_REQUEST_ID = /^[A-Za-z0-9_-]{8,64}$/;
/** ms; a read that takes longer than the p99 may is told. */
const SLOW = 500;
/** What a client that didn't wait for its answer was answered, as Nginx has it. */
const CLIENT_GONE = 499;

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
  app.use(measureRequests(metrics), enterRequests(logger));
  // First what is asked for most: Express tries one after the other.
  mount(app, routes, verifiers);
  app.use(systemRoutes(service, document, system));
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

/** Gives each request its context, a span while tracing is on, and a line in the log where there is something to tell. */
function enterRequests(logger: Logger): RequestHandler {
  return (request, response, next) => {
    const startedAt = Date.now();
    const given = readContext(request, startedAt);
    const span = startSpan({ kind: 'server', name: request.method, traceparent: given.traceparent });
    const context = span ? { ...given, traceparent: span.traceparent } : given;
    response.setHeader('X-Request-Id', context.requestId);
    response.on('close', () => {
      const { method } = request;
      const route = routePattern(request);
      const status = response.writableFinished ? response.statusCode : CLIENT_GONE;
      const attributes = { 'http.request.method': method, 'http.route': route, 'http.response.status_code': status };
      span?.end({ name: `${method} ${route}`, attributes, failed: status >= 500 });
      const facts = { method, route, status, durationMs: Date.now() - startedAt, ...response.locals.refusal };
      withRequestContext(context, () => tell(logger, facts, context));
    });
    withRequestContext(context, next);
  };
}

function readContext(request: Request, startedAt: number): RequestContext {
  const requestId = request.get('x-request-id');
  const traceparent = request.get('traceparent');
  // What comes from outside always has a trace. What hasn't is a service's own doing, or a probe of its health: no spans are made of it.
  const hasTrace = isTraceparent(traceparent);
  return {
    requestId: requestId !== undefined && SANE_REQUEST_ID.test(requestId) ? requestId : randomUUID(),
    traceparent: hasTrace ? traceparent : newTraceparent(false),
    tracestate: hasTrace ? request.get('tracestate') : undefined,
    deadlineAt: startedAt + deadlineMs(request),
    isShared: hasTrace && request.path.startsWith('/internal/'),
  };
}

/**
 * Nginx has a line for each request, and one of winston's costs as much as a tenth of a small request: so a service has none for a quick
 * read that it answered alone. Of every other request there is one in each service that had part in it.
 */
function tell(
  logger: Logger,
  facts: { method: string; route: string; status: number; durationMs: number },
  { isShared }: RequestContext,
): void {
  const { method, route, status, durationMs } = facts;
  const isRead = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
  const isOrdinary = isRead && status < 400 && durationMs < SLOW && !isShared;
  const level = isOrdinary ? 'debug' : status >= 500 ? 'warn' : 'info';
  logger[level]('request_handled', `${method} ${route} was answered ${status}.`, facts);
}

function deadlineMs(request: Request): number {
  const left = request.path.startsWith('/internal/') ? Number(request.get('x-deadline-ms')) : Number.NaN;
  return left > 0 ? Math.min(left, PUBLIC_DEADLINE) : PUBLIC_DEADLINE;
}
