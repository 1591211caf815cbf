import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'cassandra-driver';
import { retryWriteTimeouts } from './admin-client.ts';
import { MigrationError } from './migration-error.ts';

export interface Lock {
  /** Throws MigrationError when another runner has taken over. */
  renew(): Promise<void>;
  release(): Promise<void>;
}

export interface LockOptions {
  /** How long a runner that was killed blocks the others. */
  readonly lockTtlSeconds?: number;
  /** How long to wait for another runner. */
  readonly lockWaitMs?: number;
}

/**
 * Takes the one lock of a whole run: schema changes of two runners at once are unsafe, whichever keyspaces they are in. Throws
 * MigrationError when another runner keeps it for too long.
 */
export async function takeLock(
  client: Client,
  keyspace: string,
  { lockTtlSeconds: ttl = 30, lockWaitMs = 120_000 }: LockOptions,
  onStep: (step: string) => void,
): Promise<Lock> {
  const owner = randomUUID();
  const table = `${keyspace}.schema_lock`;
  const deadline = Date.now() + lockWaitMs;
  let renewedAt = Date.now();
  let isTold = false;
  for (;;) {
    renewedAt = Date.now();
    const row = await conditional(
      client,
      `INSERT INTO ${table} (name, owner) VALUES ('migrate', ?) IF NOT EXISTS USING TTL ${ttl}`,
      [owner],
    );
    if (row.applied || row.owner === owner) break;
    if (Date.now() > deadline)
      throw new MigrationError('Another migration is still running; wait for it to end, then start again.');
    if (!isTold) onStep('waiting for another runner');
    isTold = true;
    await sleep(150 + Math.random() * 100);
  }
  return {
    async renew() {
      if (Date.now() - renewedAt < (ttl * 1000) / 3) return;
      const at = Date.now();
      const row = await conditional(
        client,
        `UPDATE ${table} USING TTL ${ttl} SET owner = ? WHERE name = 'migrate' IF owner = ?`,
        [owner, owner],
      );
      if (!row.applied) throw new MigrationError('Another runner has taken over this migration.');
      renewedAt = at;
    },
    async release() {
      // Whatever fails here: the lock expires by itself.
      await conditional(client, `DELETE FROM ${table} WHERE name = 'migrate' IF owner = ?`, [owner]).catch(() => {});
    },
  };
}

/** For writes that find out when they are repeated. */
async function conditional(
  client: Client,
  query: string,
  params: string[],
): Promise<{ applied: boolean; owner: string | undefined }> {
  const { rows } = await retryWriteTimeouts(() => client.execute(query, params, { prepare: true }));
  const [row] = rows;
  return { applied: row?.get('[applied]') === true, owner: row?.get('owner') };
}
