import { setTimeout as sleep } from 'node:timers/promises';
import PQueue from 'p-queue';
import type { Logger } from '#platform/logging.ts';
import { currentRequest, ofThisRequest, withRequestContext } from '#platform/request-context.ts';
import { checkoutPaused } from '../orders/refusals.ts';

/** Intakes and sagas at work at a time; more would only wait for each other at the database, until they time out. */
const AT_ONCE = 24;
/** In a burst every order is written down before the first ones go on: nobody waits for an answer longer than that takes. */
const INTAKE_FIRST = 1;
/** ms that an order may have waited to be written down; after that it is refused, while the gateway still waits for the answer. */
const INTAKE_WITHIN = 3500;
/** Sagas that may wait; beyond it new ones are refused before anything is written. */
const MAX_WAITING = 1000;
/** ms for the calls of one saga, from its turn on; what is left then is finished by recovery. */
const DEADLINE = 5000;

/** Runs sagas, which go on when the request that began them has been answered. */
export interface SagaRunner {
  /** Writes an order down, before all sagas that wait. Throws Unavailable when its turn comes too late: nothing was begun. */
  intake<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Runs `work` in its turn; a saga that is waiting or at work already is not begun again but waited for. */
  run<Result>(id: string, work: () => Promise<Result>): Promise<Result>;
  /** The same, but waits at most `ms`, also for one that fails: recovery finishes it. */
  runWithin(ms: number, id: string, work: () => Promise<void>): Promise<void>;
  isRunning(id: string): boolean;
  hasRoom(): boolean;
  countWaiting(): number;
  /** Waits for the sagas at work and in line; recovery takes up what a process that is killed leaves. */
  stop(): Promise<void>;
}

export function createSagaRunner(logger: Logger): SagaRunner {
  const queue = new PQueue({ concurrency: AT_ONCE });
  const running = new Map<string, Promise<unknown>>();

  function run<Result>(id: string, work: () => Promise<Result>): Promise<Result> {
    const known = running.get(id);
    if (known) return known as Promise<Result>;
    const context = currentRequest();
    const saga = queue.add(() => {
      if (!context) return work();
      const deadlineAt = Math.max(context.deadlineAt, Date.now() + DEADLINE);
      return withRequestContext({ ...context, deadlineAt }, work);
    });
    running.set(id, saga);
    const forget = () => running.delete(id);
    saga.then(forget, forget);
    return saga;
  }

  function intake<Result>(work: () => Promise<Result>): Promise<Result> {
    const latest = Date.now() + INTAKE_WITHIN;
    const begin = async () => {
      if (Date.now() > latest) throw checkoutPaused();
      return work();
    };
    // What waits is begun by whatever ends before it, as part of that other request.
    return queue.add(ofThisRequest(begin), { priority: INTAKE_FIRST });
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
