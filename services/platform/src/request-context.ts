import { AsyncLocalStorage } from 'node:async_hooks';

/** What belongs to the request in hand and follows it through every call and log line. */
export interface RequestContext {
  readonly requestId: string;
  /** W3C trace context, forwarded as it came. */
  readonly traceparent: string | undefined;
  /** Epoch ms after which nobody waits for the answer any more. */
  readonly deadlineAt: number;
  /** Set once the caller is known. */
  userId?: string;
}

const storage = new AsyncLocalStorage<RequestContext>();

/** Runs `work`, and all that it awaits, as part of `context`. */
export function withRequestContext<Result>(context: RequestContext, work: () => Result): Result {
  return storage.run(context, work);
}

export function currentRequest(): RequestContext | undefined {
  return storage.getStore();
}

/** Milliseconds left for the request in hand, at most `capMs`; work outside a request gets `capMs`. */
export function remainingMs(capMs: number): number {
  const context = storage.getStore();
  return context ? Math.min(capMs, context.deadlineAt - Date.now()) : capMs;
}
