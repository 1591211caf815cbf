import { setTimeout as sleep } from 'node:timers/promises';
import { Unavailable } from './errors.ts';

/** In all, as long as a machine that starts everything at once stays slow. */
const WAITS_MS: readonly number[] = [200, 400, 800, 1600, 3200, 6400];

/**
 * For work at a start, whose result nobody is waiting for: repeats `work`, which must be idempotent, while it throws Unavailable, once
 * after each of the `waits` (ms). Then throws what `work` throws.
 */
export async function throughOutages<Result>(work: () => Promise<Result>, waits = WAITS_MS): Promise<Result> {
  for (const wait of waits) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      await sleep(wait);
    }
  }
  return work();
}
