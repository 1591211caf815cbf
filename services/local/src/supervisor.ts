import { setTimeout as sleep } from 'node:timers/promises';
import type { Exit } from './processes.ts';
import type { Running } from './running.ts';

export type SupervisorEvent =
  | { readonly kind: 'ended'; readonly name: string; readonly exit: Exit; readonly retryInMs: number | undefined }
  | { readonly kind: 'failed'; readonly name: string; readonly error: Error; readonly retryInMs: number }
  | { readonly kind: 'back'; readonly name: string; readonly afterMs: number };

/** A process that is restarted when it ends by itself. */
export interface Supervised {
  readonly name: string;
  /** 0 while it isn't running. */
  readonly pid: number;
  kill(signal: NodeJS.Signals): void;
  /** Stops it in good order and starts it again. Resolves when it is ready; rejects if it doesn't become ready, and keeps trying. */
  restart(): Promise<void>;
  /** Ends it for good; resolves when it has ended. */
  stop(): Promise<void>;
}

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 15_000;
/** A crash after so much time counts as the first again. */
const STEADY_MS = 30_000;

/**
 * Starts a process and keeps it running, waiting longer after each failure. Resolves when it is ready for the first time;
 * rejects, with nothing left running, if it doesn't become ready or `signal` aborts.
 */
export async function supervise(
  name: string,
  start: () => Promise<Running>,
  options: { restarts: boolean; onEvent(event: SupervisorEvent): void; signal: AbortSignal },
): Promise<Supervised> {
  const { restarts, onEvent, signal } = options;
  const ending = new AbortController();
  let current: Running | undefined;
  /** Recoveries, restarts and the stop run one after the other, so that none starts a process behind another's back. */
  let turns: Promise<void> = Promise.resolve();
  let failures = 0;

  async function begin(): Promise<void> {
    const running = await start();
    current = running;
    const noLongerWanted = AbortSignal.any([signal, ending.signal]);
    const aborted = new Promise<never>((_, reject) => {
      noLongerWanted.addEventListener('abort', () => reject(noLongerWanted.reason), { once: true });
      if (noLongerWanted.aborted) reject(noLongerWanted.reason);
    });
    try {
      await Promise.race([running.ready, aborted]);
    } catch (error) {
      current = undefined;
      await running.stop();
      throw error;
    }
    const readyAt = Date.now();
    running.exited.then((exit) => {
      if (current !== running || ending.signal.aborted) return;
      current = undefined;
      if (Date.now() - readyAt > STEADY_MS) failures = 0;
      onEvent({ kind: 'ended', name, exit, retryInMs: restarts ? waitMs(failures) : undefined });
      if (restarts) turns = turns.then(() => comeBack(Date.now()));
    });
  }

  async function comeBack(endedAt: number): Promise<void> {
    while (!current) {
      await sleep(waitMs(failures), undefined, { signal: ending.signal }).catch(() => undefined);
      if (ending.signal.aborted) return;
      failures += 1;
      try {
        await begin();
        if (!ending.signal.aborted) onEvent({ kind: 'back', name, afterMs: Date.now() - endedAt });
        return;
      } catch (error) {
        if (ending.signal.aborted) return;
        onEvent({ kind: 'failed', name, error: error as Error, retryInMs: waitMs(failures) });
      }
    }
  }

  async function end(): Promise<void> {
    const running = current;
    current = undefined;
    await running?.stop();
  }

  await begin();
  return {
    name,
    get pid() {
      return current?.pid ?? 0;
    },
    kill(killSignal) {
      current?.kill(killSignal);
    },
    restart() {
      const restarted = turns.then(async () => {
        await end();
        ending.signal.throwIfAborted();
        await begin();
      });
      turns = restarted.catch(() => (restarts ? comeBack(Date.now()) : undefined));
      return restarted;
    },
    stop() {
      ending.abort();
      turns = turns.then(end);
      return turns;
    },
  };
}

function waitMs(failures: number): number {
  return Math.min(FIRST_WAIT_MS * 2 ** failures, LONGEST_WAIT_MS);
}
