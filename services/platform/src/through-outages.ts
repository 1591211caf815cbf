import { setTimeout as sleep } from 'node:timers/promises';
import { Unavailable } from './errors.ts';

/** ms between two tries: a machine that starts everything at once is slow for as long as that. */
const WAITS: readonly number[] = [200, 400, 800, 1600, 3200, 6400];

/**
 * Does what a start needs and nobody waits an answer for: repeats `work`, which must be repeatable, while it throws Unavailable, once after
 * each wait. Then throws as `work` does.
 */
export async function throughOutages<Result>(work: () => Promise<Result>, waits = WAITS): Promise<Result> {
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
