import { setTimeout as sleep } from 'node:timers/promises';
import { types } from 'cassandra-driver';
import type { Database, Row } from '#platform/cassandra/database.ts';
import { adminsContended, lastAdmin } from '../users/refusals.ts';

/**
 * The admins who count when one is taken away: always a part of those who are, and never none. Who stops being an admin leaves it first,
 * who becomes one enters it last; a crash between the two leaves an admin who doesn't count, until the next sign-in or change.
 */
export interface CountedAdmins {
  /** Counts the user, an active admin as of `userVersion`; does nothing when a later version has come before it. */
  enter(userId: string, userVersion: number): Promise<void>;
  /**
   * Counts the user no more, nor as of any version before `userVersion`, which is about to take the role or the access. Throws Conflict
   * `last_admin` when nobody else counts.
   */
  leave(userId: string, userVersion: number): Promise<void>;
}

interface Entry {
  readonly isCounted: boolean;
  readonly userVersion: number;
}

const LIST = "SELECT version, user_id, is_counted, user_version FROM admins WHERE list = 'all'";
const CHANGE = `UPDATE admins SET version = ?, is_counted = ?, user_version = ?
  WHERE list = 'all' AND user_id = ? IF version = ?`;
const ATTEMPTS = 10;
const LONGEST_PAUSE_MS = 50;

export function createCountedAdmins(database: Database): CountedAdmins {
  /** Writes what `decide` makes of the whole list, unless the list has changed since it was read: then it is read and decided anew. */
  async function change(userId: string, decide: (entries: ReadonlyMap<string, Entry>) => Entry | undefined) {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const rows = await database.read('admins.list', LIST, [], { serial: true });
      const entry = decide(new Map(rows.map(toEntry)));
      if (!entry) return;
      // A list that was never written has no version, which is null in its condition too.
      const version: number | null = rows[0]?.version ?? null;
      const params = [(version ?? 0) + 1, entry.isCounted, entry.userVersion, types.Uuid.fromString(userId), version];
      const outcome = await database.conditional('admins.change', [{ query: CHANGE, params }]);
      if (outcome.applied) return;
      await sleep(Math.random() * LONGEST_PAUSE_MS);
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
        // Overtaken: what was about to be written to the user is refused too.
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
