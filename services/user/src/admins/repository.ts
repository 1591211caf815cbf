import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, Row } from '#platform/cassandra/database.ts';
import { adminsContended, lastAdmin } from './refusals.ts';

/**
 * The admins who count when one is removed: always a subset of the active admins, and never empty. A user who stops being an admin leaves
 * it first, one who becomes an admin enters it last; a crash between the two leaves an admin who doesn't count until the next sign-in or
 * change.
 */
export interface AdminRepository {
  /** Counts the user, an active admin as of `userVersion`; does nothing if a later version came first. */
  enter(userId: string, userVersion: number): Promise<void>;
  /**
   * Stops counting the user, also as of any version before `userVersion`, which is about to take the role or the access away. Throws
   * Conflict `last_admin` when nobody else counts, and Unavailable `busy`.
   */
  leave(userId: string, userVersion: number): Promise<void>;
}

interface Entry {
  readonly isCounted: boolean;
  readonly userVersion: number;
}

const MAX_ATTEMPTS = 10;
const MAX_PAUSE_MS = 50;

export function createAdminRepository(database: Database): AdminRepository {
  /** Writes what `decide` makes of the whole list. If the list has changed since it was read, reads and decides again. */
  async function change(userId: string, decide: (entries: ReadonlyMap<string, Entry>) => Entry | undefined) {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const rows = await database.read(
        'admins.list',
        "SELECT version, user_id, is_counted, user_version FROM admins WHERE list = 'all'",
        [],
        { serial: true },
      );
      const entry = decide(new Map(rows.map(toEntry)));
      if (!entry) return;
      // A list that was never written has no version: its condition is null too.
      const version: number | null = rows[0]?.version ?? null;
      const outcome = await database.conditional('admins.change', [
        {
          query: `UPDATE admins SET version = ?, is_counted = ?, user_version = ?
            WHERE list = 'all' AND user_id = ? IF version = ?`,
          params: [(version ?? 0) + 1, entry.isCounted, entry.userVersion, userId, version],
        },
      ]);
      if (outcome.applied) return;
      await sleep(Math.random() * MAX_PAUSE_MS);
    }
    throw adminsContended();
  }

  return {
    enter: (userId, userVersion) =>
      change(userId, (entries) => {
        const known = entries.get(userId);
        const isOvertaken = known !== undefined && known.userVersion > userVersion;
        return isOvertaken || known?.isCounted ? undefined : { isCounted: true, userVersion };
      }),

    leave: (userId, userVersion) =>
      change(userId, (entries) => {
        const others = [...entries].filter(([id, { isCounted }]) => isCounted && id !== userId);
        if (others.length === 0) throw lastAdmin();
        const known = entries.get(userId);
        // Overtaken: the write to the user that was to follow will be refused too.
        if (known && known.userVersion > userVersion) return undefined;
        return known?.isCounted === false && known.userVersion === userVersion
          ? undefined
          : { isCounted: false, userVersion };
      }),
  };
}

function toEntry(row: Row): [string, Entry] {
  return [String(row.user_id), { isCounted: row.is_counted, userVersion: row.user_version }];
}
