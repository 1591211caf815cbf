import { setTimeout as sleep } from 'node:timers/promises';
import PQueue from 'p-queue';
import type { Logger } from '#platform/logging.ts';
import { currentRequest, ofThisRequest, withRequestContext } from '#platform/request-context.ts';
import { checkoutPaused } from '../orders/refusals.ts';

/** Intakes and sagas running at a time; more would only wait for each other at the database, until they time out. */
const CONCURRENCY = 24;
/** In a burst every order is written before the first ones continue, so that nobody waits for an answer longer than that takes. */
const INTAKE_PRIORITY = 1;
/** An order that has waited longer to be written is refused, while the gateway still waits for the answer. */
const INTAKE_WITHIN_MS = 3500;
/** Sagas that may wait; beyond it new ones are refused before anything is written. */
const MAX_WAITING = 1000;
/** For the calls of one saga, from its turn on; recovery finishes whatever is left then. */
const SAGA_DEADLINE_MS = 5000;

/** Runs sagas, which continue after the request that started them has been answered. All of them result in an `Outcome`. */
export interface SagaRunner<Outcome> {
  /** Writes an order before any waiting saga runs. Throws Unavailable when its turn comes too late; nothing was started then. */
  intake<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Runs `work` in its turn; a saga that is already waiting or running isn't started again but awaited. */
  run(id: string, work: () => Promise<Outcome>): Promise<Outcome>;
  /** The same, but waits at most `ms`, also for one that fails: recovery finishes it. */
  runWithin(ms: number, id: string, work: () => Promise<Outcome>): Promise<void>;
  isRunning(id: string): boolean;
  hasRoom(): boolean;
  countWaiting(): number;
  /** Waits for the sagas that run or wait; what a killed process leaves, recovery takes up. */
  stop(): Promise<void>;
}

export function createSagaRunner<Outcome>(logger: Logger): SagaRunner<Outcome> {
  const queue = new PQueue({ concurrency: CONCURRENCY });
  const running = new Map<string, Promise<Outcome>>();

  function run(id: string, work: () => Promise<Outcome>): Promise<Outcome> {
    const known = running.get(id);
    if (known) return known;
    const context = currentRequest();
    const saga = queue.add(() => {
      if (!context) return work();
      const deadlineAt = Math.max(context.deadlineAt, Date.now() + SAGA_DEADLINE_MS);
      return withRequestContext({ ...context, deadlineAt }, work);
    });
    running.set(id, saga);
    const forget = () => running.delete(id);
    saga.then(forget, forget);
    return saga;
  }

  function intake<Result>(work: () => Promise<Result>): Promise<Result> {
    const latest = Date.now() + INTAKE_WITHIN_MS;
    const start = async () => {
      if (Date.now() > latest) throw checkoutPaused();
      return work();
    };
    // Whatever ends before it starts it, so it would run as part of that other request.
    return queue.add(ofThisRequest(start), { priority: INTAKE_PRIORITY });
  }

  return {
    intake,
    run,

    async runWithin(ms, id, work) {
      const giveUp = new AbortController();
      const overdue = sleep(Math.max(0, ms), undefined, { signal: giveUp.signal }).catch(() => undefined);
      const saga = run(id, work).catch((cause: unknown) => {
        logger.warn('checkout_interrupted', 'Recovery will finish the checkout.', { orderId: id, cause });
        return overdue;
      });
      await Promise.race([saga, overdue]);
      giveUp.abort();
    },

    isRunning: (id) => running.has(id),
    hasRoom: () => queue.size < MAX_WAITING,
    countWaiting: () => queue.size,
    async stop() {
      await Promise.allSettled(running.values());
    },
  };
}
