import { hash } from 'node:crypto';
import type { Database } from '#platform/cassandra/database.ts';
import type { Failures } from './throttle.ts';

/** Failures by key. What a key is made of (an address, an IP) is stored only as a hash. */
export interface FailureRepository {
  find(key: string): Promise<Failures>;
  save(key: string, failures: Failures): Promise<void>;
  clear(key: string): Promise<void>;
}

/** Two days outlive the longest block, and still remember how long it was. */
const TTL_SECONDS = 2 * 24 * 60 * 60;

export function createFailureRepository(database: Database): FailureRepository {
  return {
    async find(key) {
      const [row] = await database.read(
        'login_failures.find',
        'SELECT failures, blocked_until FROM login_failures WHERE key = ?',
        [toStored(key)],
      );
      return { count: row?.failures ?? 0, blockedUntil: row?.blocked_until ?? undefined };
    },

    async save(key, { count, blockedUntil }) {
      await database.write(
        'login_failures.save',
        'INSERT INTO login_failures (key, failures, blocked_until) VALUES (?, ?, ?) USING TTL ?',
        [toStored(key), count, blockedUntil, TTL_SECONDS],
      );
    },

    async clear(key) {
      await database.write('login_failures.clear', 'DELETE FROM login_failures WHERE key = ?', [toStored(key)]);
    },
  };
}

function toStored(key: string): string {
  return hash('sha256', key);
}
