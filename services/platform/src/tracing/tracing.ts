import type { Logger } from '../logging.ts';
import { currentRequest } from '../request-context.ts';

type Attributes = Readonly<Record<string, string | number>>;

/** A piece of work that is shown as part of a trace. */
export interface Span {
  /** W3C trace context with this span as the parent: what is done on its behalf carries it. */
  readonly traceparent: string;
  end(facts?: { readonly name?: string; readonly attributes?: Attributes; readonly failed?: boolean }): void;
}

export interface SpanStart {
  /** Whether it answers, asks, or does what was put off. */
  readonly kind: 'server' | 'client' | 'consumer';
  /** One of few, as a label of a metric. */
  readonly name: string;
  readonly traceparent: string;
  /** W3C trace context of what it came from, where that is another trace. */
  readonly link?: string | undefined;
}

export interface Tracing {
  /** Undefined for a trace that isn't sampled. */
  startSpan(start: SpanStart): Span | undefined;
  /** Sends what has not been sent. */
  stop(): Promise<void>;
}

export interface TracingOptions {
  readonly service: string;
  /** host:port, or whatever tells this process from other replicas. */
  readonly instance: string;
  /** Base URL of an OTLP/HTTP receiver. */
  readonly endpoint: string;
  /** Of the traces that begin here, 0 to 1. */
  readonly share: number;
  readonly logger: Logger;
}

let tracing: Tracing | undefined;

/** From now on spans are made and sent. OpenTelemetry is loaded here and nowhere else: who doesn't use it doesn't pay for it. */
export async function startTracing(options: TracingOptions): Promise<void> {
  const { createOpenTelemetry } = await import('./open-telemetry.ts');
  tracing = createOpenTelemetry(options);
}

export async function stopTracing(): Promise<void> {
  await tracing?.stop();
  tracing = undefined;
}

/** A span for what the request in hand asks of another; undefined where there is no request. */
export function startClientSpan(name: string): Span | undefined {
  const request = tracing && currentRequest();
  return request && startSpan({ kind: 'client', name, traceparent: request.traceparent });
}

/** Undefined while tracing is off, or when the trace isn't sampled. Who starts a span ends it. */
export function startSpan(start: SpanStart): Span | undefined {
  return tracing?.startSpan(start);
}
