import { AsyncLocalStorage } from 'node:async_hooks';

/** What belongs to the request in hand and follows it through every call and log line. */
export interface RequestContext {
  readonly requestId: string;
  /** W3C trace context: as it came, or with the span that was begun for the request as the parent. */
  readonly traceparent: string;
  /** What others have put beside it, forwarded as it came. */
  readonly tracestate?: string | undefined;
  /** Epoch ms after which nobody waits for the answer any more. */
  readonly deadlineAt: number;
  /** Set once the caller is known. */
  userId?: string;
  /** True when more than one service has part in it: each then has a line about it in its log. */
  isShared?: boolean;
}

const storage = new AsyncLocalStorage<RequestContext>();

/** Runs `work`, and all that it awaits, as part of `context`. */
export function withRequestContext<Result>(context: RequestContext, work: () => Result): Result {
  return storage.run(context, work);
}

/** `work`, as part of the request in hand, whoever runs it. */
export function ofThisRequest<Result>(work: () => Result): () => Result {
  return AsyncLocalStorage.bind(work);
}

export function currentRequest(): RequestContext | undefined {
  return storage.getStore();
}

/** Milliseconds left for the request in hand, at most `capMs`; work outside a request gets `capMs`. */
export function remainingMs(capMs: number): number {
  const context = storage.getStore();
  return context ? Math.min(capMs, context.deadlineAt - Date.now()) : capMs;
}
