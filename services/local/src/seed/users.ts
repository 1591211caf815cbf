import { hash } from 'bcrypt';
import { v5 as uuidv5 } from 'uuid';
import { connectDatabase, type DatabaseOptions } from '#platform/cassandra/database.ts';
import { toLong } from '#platform/cassandra/values.ts';
import { silentLogger } from '#platform/logging.ts';
import { createMetrics } from '#platform/metrics.ts';
import { throughOutages } from '#platform/through-outages.ts';
import { inParallel } from './in-parallel.ts';

/** How many shoppers load tests use. */
export const SHOPPERS = 1000;
/** Public: seeded shoppers are only for load tests. */
export const SHOPPER_PASSWORD = 'shop-till-you-drop-1';

/** Cost 10, the lowest that the store accepts; a fixed salt, so that a repeated run writes the same. */
const SALT = '$2b$10$ProductStoreShopperss.';
const USER_IDS = '0f4e9d57-6a0b-4f0c-8b52-3a3f7d1c9e11';
const CREATED_AT = new Date(Date.UTC(2026, 0, 1));
/** Write timestamp in µs, so early that whatever a shopper does later wins. */
const BEGINNING = toLong(1);

/** The users keyspace, and a role that may write it. */
export interface SeedUsersOptions extends DatabaseOptions {
  readonly users: number;
  onProgress?(done: number, total: number): void;
}

/** The address of the shopper number `number`, from 1. */
export function shopperEmail(number: number): string {
  return `shopper-${String(number).padStart(5, '0')}@example.com`;
}

/** Creates shoppers that can sign in with SHOPPER_PASSWORD. Repeating it changes nothing that they have done since. */
export async function seedUsers(options: SeedUsersOptions): Promise<void> {
  const { users: total, onProgress = () => undefined } = options;
  const passwordHash = await hash(SHOPPER_PASSWORD, SALT);
  const database = await connectDatabase(options, createMetrics(), silentLogger);
  let done = 0;

  async function writeShopper(number: number): Promise<void> {
    const email = shopperEmail(number);
    const userId = uuidv5(email, USER_IDS);
    const name = `Shopper ${String(number).padStart(5, '0')}`;
    await database.write(
      'seed.credentials',
      'INSERT INTO credentials (email, user_id, password_hash, name, role, created_at) VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?',
      [email, userId, passwordHash, name, 'user', CREATED_AT, BEGINNING],
    );
    await database.write(
      'seed.user',
      'INSERT INTO users (user_id, email, name, role, status, version, created_at) VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?',
      [userId, email, name, 'user', 'active', 1, CREATED_AT, BEGINNING],
    );
    await database.write(
      'seed.user_in_list',
      `INSERT INTO users_by_newest (list, created_at, user_id, email, name, role, status, version)
        VALUES ('all', ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?`,
      [CREATED_AT, userId, email, name, 'user', 'active', 1, BEGINNING],
    );
    done += 1;
    onProgress(done, total);
  }

  function* shoppers(): Generator<() => Promise<void>> {
    for (let number = 1; number <= total; number += 1) yield () => throughOutages(() => writeShopper(number));
  }

  try {
    await inParallel(shoppers());
  } finally {
    await database.close();
  }
}
