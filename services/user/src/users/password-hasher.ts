import { availableParallelism } from 'node:os';
import bcrypt from 'bcrypt';
import pLimit from 'p-limit';
import type { Metrics } from '#platform/metrics.ts';
import { tooManyHashes } from './refusals.ts';

/** Hashes in the thread pool, behind a bound. Throws Unavailable `busy` when more than a second's work is waiting. */
export interface PasswordHasher {
  hash(password: string): Promise<string>;
  /**
   * False takes the work of a hash at today's cost, also without a hash and for a cheaper one: the time that it takes doesn't tell which
   * accounts exist.
   */
  verify(password: string, hash: string | undefined): Promise<boolean>;
  /** True for a hash that was made at another cost. */
  isOutdated(hash: string): boolean;
}

/** Cores that hash at the same time: one is left to everything else. */
const CONCURRENCY = Math.max(1, availableParallelism() - 1);
const MAX_WAIT_MS = 1000;
/** What one hash of cost 12 took where it was measured; the first ones here correct it. */
const EXPECTED_MS_AT_COST_12 = 210;

export function createPasswordHasher(cost: number, metrics: Metrics, concurrency = CONCURRENCY): PasswordHasher {
  const limit = pLimit(concurrency);
  const duration = metrics.histogram('password_hash_duration_seconds', 'Time of one password hash, without its wait.');
  metrics.gauge('password_hashes_waiting', 'Password hashes in line.', () => limit.pendingCount);
  /** Matches no password. */
  const dummyHashAt = (rounds: number) => `${bcrypt.genSaltSync(rounds)}${'.'.repeat(31)}`;
  const dummyHash = dummyHashAt(cost);
  let msPerHash = EXPECTED_MS_AT_COST_12 * 2 ** (cost - 12);

  function bounded<Result>(work: () => Promise<Result>): Promise<Result> {
    const places = Math.max(1, Math.floor((MAX_WAIT_MS * concurrency) / msPerHash));
    if (limit.activeCount >= concurrency && limit.pendingCount >= places) throw tooManyHashes();
    return limit(async () => {
      const startedAt = performance.now();
      const result = await work();
      const elapsed = performance.now() - startedAt;
      msPerHash += (elapsed - msPerHash) / 4;
      duration.observe(elapsed / 1000);
      return result;
    });
  }

  return {
    hash: async (password) => bounded(() => bcrypt.hash(password, cost)),
    verify: async (password, hash = dummyHash) =>
      bounded(async () => {
        if (await bcrypt.compare(password, hash)) return hash !== dummyHash;
        // Each round doubles the work: a cheaper hash, and one of each cost from its own up to today's, cost what today's does.
        for (let rounds = bcrypt.getRounds(hash); rounds < cost; rounds += 1) {
          await bcrypt.compare(password, dummyHashAt(rounds));
        }
        return false;
      }),
    isOutdated: (hash) => bcrypt.getRounds(hash) !== cost,
  };
}
