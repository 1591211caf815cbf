import { types } from 'cassandra-driver';
import type { Database, Row } from '#platform/cassandra/database.ts';
import { LONGEST_SESSION, type Session } from './session.ts';

export interface SessionRepository {
  /** Opens a session for `ttl` seconds. A user's sessions can be found from before they exist. */
  open(session: Session, ttl: number): Promise<void>;
  /** The session after the last conditional write; undefined when it is over. */
  find(sessionId: string): Promise<Session | undefined>;
  /**
   * Puts `newHash` in the place of the session's current one, once: of many that try, one gets true. Everything lives `ttl` seconds
   * from then on. False when the token was exchanged before, or the session is revoked or over.
   */
  rotate(session: Session, newHash: string, ttl: number): Promise<boolean>;
  /** Ends a session that was opened, for good; then it can't be found by its user any more. True for the one call that did it. */
  revoke(session: Session, ttl: number): Promise<boolean>;
  /** Ids of every session of the user that is good or about to be opened, and of others that are over. */
  listOf(userId: string): Promise<string[]>;
}

const NOTE_USER = 'INSERT INTO families_by_user (user_id, family_id, created_at) VALUES (?, ?, ?) USING TTL ?';
const FORGET = 'DELETE FROM families_by_user WHERE user_id = ? AND family_id = ?';
const LIST_OF = 'SELECT family_id FROM families_by_user WHERE user_id = ?';
const OPEN = `INSERT INTO refresh_families (family_id, user_id, family_hash, current_hash, generation, revoked, created_at)
  VALUES (?, ?, ?, ?, ?, false, ?) IF NOT EXISTS USING TTL ?`;
const FIND = `SELECT family_id, user_id, family_hash, current_hash, generation, revoked, created_at
  FROM refresh_families WHERE family_id = ?`;
const ROTATE = `UPDATE refresh_families USING TTL ?
  SET user_id = ?, family_hash = ?, current_hash = ?, generation = ?, revoked = false, created_at = ?
  WHERE family_id = ? IF current_hash = ? AND revoked = false`;
const REVOKE = 'UPDATE refresh_families USING TTL ? SET revoked = true WHERE family_id = ? IF revoked = false';

export function createSessionRepository(database: Database): SessionRepository {
  return {
    async open({ sessionId, userId, familyHash, currentHash, generation, createdAt }, ttl) {
      const [family, user] = [types.Uuid.fromString(sessionId), types.Uuid.fromString(userId)];
      await database.write('families_by_user.add', NOTE_USER, [user, family, createdAt, LONGEST_SESSION]);
      // A refusal is our own first attempt: nobody else has this id.
      await database.conditional('sessions.open', [
        { query: OPEN, params: [family, user, familyHash, currentHash, generation, createdAt, ttl] },
      ]);
    },

    async find(sessionId) {
      const [row] = await database.read('sessions.find', FIND, [types.Uuid.fromString(sessionId)], { serial: true });
      // A revocation outlives the cells beside it.
      return row?.current_hash ? toSession(row) : undefined;
    },

    async rotate({ sessionId, userId, familyHash, currentHash, generation, createdAt }, newHash, ttl) {
      const [family, user] = [types.Uuid.fromString(sessionId), types.Uuid.fromString(userId)];
      const outcome = await database.conditional('sessions.rotate', [
        { query: ROTATE, params: [ttl, user, familyHash, newHash, generation + 1, createdAt, family, currentHash] },
      ]);
      if (outcome.applied) return true;
      // Without an answer the exchange is sent again and then finds its own new hash.
      const [row] = outcome.rows;
      return row?.current_hash === newHash && row?.revoked === false;
    },

    async revoke({ sessionId, userId }, ttl) {
      const [family, user] = [types.Uuid.fromString(sessionId), types.Uuid.fromString(userId)];
      const outcome = await database.conditional('sessions.revoke', [{ query: REVOKE, params: [ttl, family] }]);
      await database.write('families_by_user.forget', FORGET, [user, family]);
      return outcome.applied || outcome.uncertain;
    },

    async listOf(userId) {
      const rows = await database.read('families_by_user.list', LIST_OF, [types.Uuid.fromString(userId)]);
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
