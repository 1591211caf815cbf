import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'undici';
import type { z } from 'zod';
import { Unavailable } from '../errors.ts';
import type { Logger } from '../logging.ts';
import type { Metrics } from '../metrics.ts';
import { currentRequest, remainingMs } from '../request-context.ts';
import { startClientSpan } from '../tracing/tracing.ts';
import { CircuitOpen, type CircuitSettings, createCircuit } from './circuit-breaker.ts';
import { lookupAnyFirst } from './lookup.ts';
import { createRenewedPool, type RenewedPool } from './renewed-pool.ts';

/** The answers that the caller understands, the body for each status; any other answer is a failure of the called service. */
type Answers = Readonly<Record<number, z.ZodType>>;
type AnswerOf<A extends Answers> = { [Status in keyof A]: { status: Status; body: z.output<A[Status]> } }[keyof A];

export interface Call<A extends Answers> {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  /** The one operation that this call's token permits. */
  readonly scope: string;
  readonly body?: unknown;
  readonly answers: A;
  /** May be repeated: a repetition has no further effect. */
  readonly idempotent: boolean;
  /** Longest time for one attempt; the time left for the current request may be shorter. */
  readonly capMs?: number;
}

/** Calls one other service. Throws Unavailable `upstream_unavailable` if there is no answer in time; the outcome is then unknown. */
export interface ServiceClient {
  call<A extends Answers>(call: Call<A>): Promise<AnswerOf<A>>;
  /** False while the service is known to be down. */
  isAvailable(): boolean;
  close(): Promise<void>;
}

export interface ServiceClientOptions {
  readonly target: string;
  /** One for each replica, or one for all of them. */
  readonly baseUrls: readonly string[];
  readonly circuit: CircuitSettings;
  issueToken(audience: string, scope: string): string;
}

const READ_CAP_MS = 2000;
const WRITE_CAP_MS = 3000;
/** With less time left a call would be cut off, which says nothing about the called service. */
const LEAST_TIME_MS = 100;
const ATTEMPTS = 3;
const CONNECTIONS = 32;
/** Shorter than the server's 75 s, so that it is always the caller that closes an idle connection. */
const KEEP_ALIVE_MS = 30_000;
/** Connections are replaced after this time: the name may have gained other replicas. */
const CONNECTION_AGE_MS = 10_000;

export function createServiceClient(options: ServiceClientOptions, metrics: Metrics, logger: Logger): ServiceClient {
  const { target, baseUrls, issueToken } = options;
  const connecting = {
    connections: CONNECTIONS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connect: { timeout: 1000, lookup: lookupAnyFirst },
  };
  const pools = baseUrls.map((url) => createRenewedPool(url, connecting, CONNECTION_AGE_MS));
  let turn = 0;
  const circuit = createCircuit(target, options.circuit, metrics.circuitState, logger);

  /** Replicas take turns; one that can't be connected to is skipped. */
  async function send(call: Call<Answers>, timeLeft: number): Promise<{ status: number; body: unknown }> {
    turn += 1;
    for (let tried = 1; ; tried += 1) {
      try {
        const pool = pools[(turn + tried) % pools.length] as RenewedPool;
        return await sendTo(pool.current(), call, timeLeft);
      } catch (error) {
        if (tried === pools.length || !isNotConnected(error)) throw error;
      }
    }
  }

  async function sendTo(pool: Pool, call: Call<Answers>, timeLeft: number): Promise<{ status: number; body: unknown }> {
    const request = currentRequest();
    if (request) request.isShared = true;
    const span = startClientSpan(`${target} ${call.scope}`);
    // Not AbortSignal.timeout: it fires even if the answer has arrived, with an exception that nobody handles.
    const giveUp = new AbortController();
    const overdue = setTimeout(
      () => giveUp.abort(new Error(`${target} didn't answer within ${timeLeft} ms.`)),
      timeLeft,
    );
    let status = 0;
    try {
      const response = await pool.request({
        method: call.method,
        path: call.path,
        signal: giveUp.signal,
        headers: {
          authorization: `Bearer ${issueToken(target, call.scope)}`,
          accept: 'application/json',
          'x-deadline-ms': String(Math.floor(timeLeft)),
          ...(request && { 'x-request-id': request.requestId, traceparent: span?.traceparent ?? request.traceparent }),
          ...(request?.tracestate && { tracestate: request.tracestate }),
          ...(call.body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
      });
      status = response.statusCode;
      const text = await response.body.text();
      if (status >= 500) throw new Error(`${target} answered ${call.method} ${call.path} with ${status}.`);
      return { status, body: text === '' ? undefined : JSON.parse(text) };
    } finally {
      clearTimeout(overdue);
      const attributes = { 'http.request.method': call.method, 'http.response.status_code': status };
      span?.end({ attributes, failed: status === 0 || status >= 500 });
    }
  }

  async function sendWithRetries(call: Call<Answers>): Promise<{ status: number; body: unknown }> {
    for (let attempt = 1; ; attempt += 1) {
      const timeLeft = remainingMs(call.capMs ?? (call.method === 'GET' ? READ_CAP_MS : WRITE_CAP_MS));
      // Outside the circuit, since this isn't the called service's fault.
      if (timeLeft < LEAST_TIME_MS) throw upstreamUnavailable(target, new Error('No time is left for the call.'));
      try {
        return await circuit.run(() => send(call, timeLeft));
      } catch (cause) {
        const wait = 50 + Math.random() * 450;
        const mayRetry =
          call.idempotent &&
          attempt < ATTEMPTS &&
          !(cause instanceof CircuitOpen) &&
          remainingMs(Number.POSITIVE_INFINITY) > wait + LEAST_TIME_MS;
        if (!mayRetry) throw upstreamUnavailable(target, cause);
        await sleep(wait);
      }
    }
  }

  return {
    async call<A extends Answers>(call: Call<A>) {
      const { status, body } = await sendWithRetries(call);
      const schema = call.answers[status];
      if (!schema)
        throw new Error(`${target} answered ${call.method} ${call.path} with ${status}: ${JSON.stringify(body)}`);
      return { status, body: schema.parse(body) } as AnswerOf<A>;
    },
    isAvailable: () => !circuit.isOpen(),
    async close() {
      await Promise.all(pools.map((pool) => pool.close()));
    },
  };
}

/** The request was never sent, so another replica may be tried. */
function isNotConnected(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code === 'ECONNREFUSED' || code === 'UND_ERR_CONNECT_TIMEOUT';
}

function upstreamUnavailable(target: string, cause?: unknown): Unavailable {
  return new Unavailable('upstream_unavailable', `The ${target} service can't be reached; try again.`, {
    retryAfter: 2,
    cause,
  });
}
