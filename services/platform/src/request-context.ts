import { AsyncLocalStorage } from 'node:async_hooks';

/** What belongs to the current request and follows it through every call and log line. */
export interface RequestContext {
  readonly requestId: string;
  /** W3C trace context: as received, or with the request's own span as the parent. */
  readonly traceparent: string;
  /** Vendor data of the trace, forwarded as received. */
  readonly tracestate?: string | undefined;
  /** Epoch ms after which nobody waits for the answer. */
  readonly deadlineAt: number;
  /** Set once the caller is identified. */
  userId?: string;
  /** True if several services take part: each then logs a line about it. */
  isShared?: boolean;
}

const storage = new AsyncLocalStorage<RequestContext>();

/** Runs `work`, and everything that it awaits, in `context`. */
export function withRequestContext<Result>(context: RequestContext, work: () => Result): Result {
  return storage.run(context, work);
}

/** `work` bound to the current request, whoever runs it. */
export function ofThisRequest<Result>(work: () => Result): () => Result {
  return AsyncLocalStorage.bind(work);
}

export function currentRequest(): RequestContext | undefined {
  return storage.getStore();
}

/** Milliseconds left for the current request, at most `capMs`; work outside a request gets `capMs`. */
export function remainingMs(capMs: number): number {
  const context = storage.getStore();
  return context ? Math.min(capMs, context.deadlineAt - Date.now()) : capMs;
}
