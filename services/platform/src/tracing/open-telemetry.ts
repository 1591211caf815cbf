import { DiagLogLevel, diag, ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  RandomIdGenerator,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Logger } from '../logging.ts';
import { parseTraceparent, type TraceContext } from './trace-context.ts';
import type { Tracing, TracingOptions } from './tracing.ts';

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT, consumer: SpanKind.CONSUMER };

/**
 * Creates spans and sends them in batches over OTLP/HTTP (JSON); spans that can't be sent are dropped. The trace context travels in our own
 * request context as a W3C traceparent, so no context manager, propagator or instrumentation of OpenTelemetry is needed.
 */
export function createOpenTelemetry({ service, instance, endpoint, share, logger }: TracingOptions): Tracing {
  diag.setLogger(toDiagLogger(logger), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  const random = new RandomIdGenerator();
  /** The trace id that Nginx gave the request, for the first span of its trace. */
  let traceIdOfRoot = '';
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': service,
      'service.namespace': 'product-store',
      'service.instance.id': instance,
    }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(share) }),
    idGenerator: { generateTraceId: () => traceIdOfRoot, generateSpanId: () => random.generateSpanId() },
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: `${endpoint}/v1/traces` }) })],
  });
  const tracer = provider.getTracer('product-store');

  return {
    startSpan({ kind, name, traceparent, link }) {
      const given = parseTraceparent(traceparent);
      if (!given.isSampled) return undefined;
      traceIdOfRoot = given.traceId;
      const parent = given.hasParent
        ? trace.setSpanContext(ROOT_CONTEXT, toSpanContext(given, kind === 'server'))
        : ROOT_CONTEXT;
      const links = link === undefined ? [] : [{ context: toSpanContext(parseTraceparent(link), true) }];
      const span = tracer.startSpan(name, { kind: KINDS[kind], links }, parent);
      const { traceId, spanId, traceFlags } = span.spanContext();
      return {
        traceparent: `00-${traceId}-${spanId}-0${traceFlags}`,
        end({ name: finalName, attributes: facts = {}, failed = false } = {}) {
          if (finalName !== undefined) span.updateName(finalName);
          span.setAttributes(facts);
          if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
          span.end();
        },
      };
    },
    stop: () => provider.shutdown(),
  };
}

function toSpanContext({ traceId, parentId, isSampled }: TraceContext, isRemote: boolean) {
  return {
    traceId,
    spanId: parentId,
    traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote,
  };
}

function toDiagLogger(logger: Logger) {
  const warn = (message: string) => logger.warn('tracing', message);
  const ignore = () => undefined;
  return { error: warn, warn, info: ignore, debug: ignore, verbose: ignore };
}
