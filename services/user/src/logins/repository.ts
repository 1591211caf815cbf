import { hash } from 'node:crypto';
import type { Database } from '#platform/cassandra/database.ts';
import type { Failures } from './throttle.ts';

/** Failures by key. What makes a key (an address, an IP) is stored as its hash alone. */
export interface FailureRepository {
  find(key: string): Promise<Failures>;
  save(key: string, failures: Failures): Promise<void>;
  clear(key: string): Promise<void>;
}

/** Seconds; two days outlive the longest block and still remember how long it was. */
const TTL = 2 * 24 * 60 * 60;

const FIND = 'SELECT failures, blocked_until FROM login_failures WHERE key = ?';
const SAVE = 'INSERT INTO login_failures (key, failures, blocked_until) VALUES (?, ?, ?) USING TTL ?';
const CLEAR = 'DELETE FROM login_failures WHERE key = ?';

export function createFailureRepository(database: Database): FailureRepository {
  return {
    async find(key) {
      const [row] = await database.read('login_failures.find', FIND, [toStored(key)]);
      return { count: row?.failures ?? 0, blockedUntil: row?.blocked_until ?? undefined };
    },
    async save(key, { count, blockedUntil }) {
      await database.write('login_failures.save', SAVE, [toStored(key), count, blockedUntil, TTL]);
    },
    async clear(key) {
      await database.write('login_failures.clear', CLEAR, [toStored(key)]);
    },
  };
}

function toStored(key: string): string {
  return hash('sha256', key);
}
