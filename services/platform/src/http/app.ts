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

/** How long a request from outside may take; an internal one brings the time it has left. */
const PUBLIC_DEADLINE_MS = 5000;
const SANE_REQUEST_ID = /^[A-Za-z0-9_-]{8,64}$/;
/** A read slower than the p99 may be is logged. */
const SLOW_MS = 500;
/** The status that Nginx logs for a client that didn't wait for the answer. */
const CLIENT_GONE = 499;

export interface HttpApp {
  readonly app: Express;
  readonly document: OpenApiDocument;
}

/** Builds a service's Express app from its routes; one declaration mounts, validates and documents each of them. */
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
  app.use(measureRequests(metrics), openRequestContext(logger));
  // The busiest routes first: Express tries one after the other.
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

/** The label is the pattern, never the URL, so it has only as many values as there are routes. */
function routePattern(request: Request): string {
  const pattern: unknown = request.route?.path;
  return typeof pattern === 'string' ? pattern : 'unmatched';
}

/** Node's parser knows some thirty methods, and anyone may send them: all others share one label. */
const METHODS: ReadonlySet<unknown> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

function boundMethod(labels: { method?: unknown }): void {
  if (!METHODS.has(labels.method)) labels.method = 'other';
}

/** Gives each request its context, a span while tracing is on, and a log line if there is something to report. */
function openRequestContext(logger: Logger): RequestHandler {
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
      withRequestContext(context, () => logRequest(logger, facts, context));
    });
    withRequestContext(context, next);
  };
}

function readContext(request: Request, startedAt: number): RequestContext {
  const requestId = request.get('x-request-id');
  const traceparent = request.get('traceparent');
  // Nginx gives every request a trace. One without it is a health probe or comes from a service's own background work: it gets no spans.
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
 * Nginx logs every request, and a winston line costs a tenth of a small request: so a service logs no quick read that it answered alone.
 * Every other request has a line in each service that took part.
 */
function logRequest(
  logger: Logger,
  facts: { method: string; route: string; status: number; durationMs: number },
  { isShared }: RequestContext,
): void {
  const { method, route, status, durationMs } = facts;
  const isRead = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
  const isOrdinary = isRead && status < 400 && durationMs < SLOW_MS && !isShared;
  const level = isOrdinary ? 'debug' : status >= 500 ? 'warn' : 'info';
  logger[level]('request_handled', `${method} ${route} was answered with ${status}.`, facts);
}

function deadlineMs(request: Request): number {
  const left = request.path.startsWith('/internal/') ? Number(request.get('x-deadline-ms')) : Number.NaN;
  return left > 0 ? Math.min(left, PUBLIC_DEADLINE_MS) : PUBLIC_DEADLINE_MS;
}
