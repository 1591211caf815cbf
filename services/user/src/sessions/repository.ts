import type { Database, Row } from '#platform/cassandra/database.ts';
import { MAX_SESSION_SECONDS, type Session } from './session.ts';

export interface SessionRepository {
  /** Opens a session for `ttl` seconds. `listOf` finds it from before it exists. */
  open(session: Session, ttl: number): Promise<void>;
  /** The session after the last conditional write; undefined when it is over. */
  find(sessionId: string): Promise<Session | undefined>;
  /**
   * Replaces the session's current hash with `newHash`, once: of many that try, one gets true. Everything lives `ttl` seconds from then
   * on. False when the token was exchanged before, or the session is revoked or over.
   */
  rotate(session: Session, newHash: string, ttl: number): Promise<boolean>;
  /** Ends an open session for good; from then on `listOf` doesn't list it. True for the one call that ended it. */
  revoke(session: Session, ttl: number): Promise<boolean>;
  /** Ids of every session of the user that is open or about to be opened, and of some that are over. */
  listOf(userId: string): Promise<string[]>;
}

export function createSessionRepository(database: Database): SessionRepository {
  return {
    async open({ sessionId, userId, familyHash, currentHash, generation, createdAt }, ttl) {
      await database.write(
        'families_by_user.add',
        'INSERT INTO families_by_user (user_id, family_id, created_at) VALUES (?, ?, ?) USING TTL ?',
        [userId, sessionId, createdAt, MAX_SESSION_SECONDS],
      );
      // A refusal is our own first attempt: nobody else has this id.
      await database.conditional('sessions.open', [
        {
          query: `INSERT INTO refresh_families (family_id, user_id, family_hash, current_hash, generation, revoked, created_at)
            VALUES (?, ?, ?, ?, ?, false, ?) IF NOT EXISTS USING TTL ?`,
          params: [sessionId, userId, familyHash, currentHash, generation, createdAt, ttl],
        },
      ]);
    },

    async find(sessionId) {
      const [row] = await database.read(
        'sessions.find',
        `SELECT family_id, user_id, family_hash, current_hash, generation, revoked, created_at
          FROM refresh_families WHERE family_id = ?`,
        [sessionId],
        { serial: true },
      );
      // The mark of a revocation outlives the cells beside it.
      return row?.current_hash ? toSession(row) : undefined;
    },

    async rotate({ sessionId, userId, familyHash, currentHash, generation, createdAt }, newHash, ttl) {
      const outcome = await database.conditional('sessions.rotate', [
        {
          query: `UPDATE refresh_families USING TTL ?
            SET user_id = ?, family_hash = ?, current_hash = ?, generation = ?, revoked = false, created_at = ?
            WHERE family_id = ? IF current_hash = ? AND revoked = false`,
          params: [ttl, userId, familyHash, newHash, generation + 1, createdAt, sessionId, currentHash],
        },
      ]);
      if (outcome.applied) return true;
      // An exchange without an answer is sent again, and then finds its own new hash.
      const [row] = outcome.rows;
      return row?.current_hash === newHash && row?.revoked === false;
    },

    async revoke({ sessionId, userId }, ttl) {
      const outcome = await database.conditional('sessions.revoke', [
        {
          query: 'UPDATE refresh_families USING TTL ? SET revoked = true WHERE family_id = ? IF revoked = false',
          params: [ttl, sessionId],
        },
      ]);
      await database.write(
        'families_by_user.forget',
        'DELETE FROM families_by_user WHERE user_id = ? AND family_id = ?',
        [userId, sessionId],
      );
      return outcome.applied || outcome.uncertain;
    },

    async listOf(userId) {
      const rows = await database.read(
        'families_by_user.list',
        'SELECT family_id FROM families_by_user WHERE user_id = ?',
        [userId],
      );
      return rows.map((row) => String(row.family_id));
    },
  };
}

function toSession(row: Row): Session {
  return {
    sessionId: String(row.family_id),
    userId: String(row.user_id),
    familyHash: row.family_hash,
    currentHash: row.current_hash,
    generation: row.generation,
    isRevoked: row.revoked,
    createdAt: row.created_at,
  };
}
