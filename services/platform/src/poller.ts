import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from './service.ts';

/** Runs `work`, which must not throw, at once when started and then again `everyMs` after each run has ended. */
export function createPoller(work: () => Promise<void>, everyMs: number): Required<Worker> {
  let stopping = new AbortController();

  async function poll({ signal }: AbortController): Promise<void> {
    while (!signal.aborted) {
      await work();
      await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    }
  }

  return {
    start() {
      stopping = new AbortController();
      void poll(stopping);
    },
    stop: () => stopping.abort(),
  };
}
