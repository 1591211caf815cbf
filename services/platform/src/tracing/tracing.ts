import type { Logger } from '../logging.ts';
import { currentRequest } from '../request-context.ts';

type Attributes = Readonly<Record<string, string | number>>;

/** A piece of work that is shown as part of a trace. */
export interface Span {
  /** W3C trace context with this span as the parent, for the work done on its behalf. */
  readonly traceparent: string;
  end(facts?: { readonly name?: string; readonly attributes?: Attributes; readonly failed?: boolean }): void;
}

export interface SpanStart {
  /** `server` answers a request, `client` makes one, `consumer` does deferred work. */
  readonly kind: 'server' | 'client' | 'consumer';
  /** Of few values, like the label of a metric. */
  readonly name: string;
  readonly traceparent: string;
  /** W3C trace context of its origin, if that is another trace. */
  readonly link?: string | undefined;
}

export interface Tracing {
  /** Undefined for a trace that isn't sampled. */
  startSpan(start: SpanStart): Span | undefined;
  /** Sends the remaining spans. */
  stop(): Promise<void>;
}

export interface TracingOptions {
  readonly service: string;
  /** host:port, or anything else that distinguishes this process from other replicas. */
  readonly instance: string;
  /** Base URL of an OTLP/HTTP receiver. */
  readonly endpoint: string;
  /** Share of the traces starting here that are sampled, 0 to 1. */
  readonly share: number;
  readonly logger: Logger;
}

let tracing: Tracing | undefined;

/** From now on, spans are created and sent. Only this loads OpenTelemetry, so that it costs nothing while tracing is off. */
export async function startTracing(options: TracingOptions): Promise<void> {
  const { createOpenTelemetry } = await import('./open-telemetry.ts');
  tracing = createOpenTelemetry(options);
}

export async function stopTracing(): Promise<void> {
  await tracing?.stop();
  tracing = undefined;
}

/** A span for a call made by the current request; undefined outside of one. */
export function startClientSpan(name: string): Span | undefined {
  const request = tracing && currentRequest();
  return request && startSpan({ kind: 'client', name, traceparent: request.traceparent });
}

/** Undefined while tracing is off or if the trace isn't sampled. Whoever starts a span must end it. */
export function startSpan(start: SpanStart): Span | undefined {
  return tracing?.startSpan(start);
}
