import type { Revocation } from '#platform/auth/revocations.ts';
import { ACCESS_TOKEN_SECONDS } from '#platform/auth/user-token.ts';
import type { Database } from '#platform/cassandra/database.ts';

export interface RevocationRepository {
  /** No access token of the session is good any more, nor one that a request in flight may still issue. */
  revokeSession(sessionId: string, now: Date): Promise<void>;
  /** All revocations since `since` (epoch ms), at most 15 minutes back: older ones have outlived the tokens they were about. */
  list(since: number): Promise<Revocation[]>;
}

/** ms; a partition holds the revocations of one minute. */
const BUCKET = 60_000;
const FURTHEST_BACK = 15 * BUCKET;
/** Seconds; the life of an access token, and what a request in flight and two clocks may add. */
const TTL = ACCESS_TOKEN_SECONDS + 60;

const ADD = 'INSERT INTO revocations (bucket, at, subject, not_before) VALUES (?, ?, ?, ?) USING TTL ?';
const LIST = 'SELECT subject, not_before FROM revocations WHERE bucket = ? AND at >= ?';

export function createRevocationRepository(database: Database): RevocationRepository {
  return {
    async revokeSession(sessionId, now) {
      // A session never begins again, so its tokens are refused whenever they were issued, a second from now too.
      const notBefore = new Date(now.getTime() + ACCESS_TOKEN_SECONDS * 1000);
      await database.write('revocations.add', ADD, [toBucket(now.getTime()), now, sessionId, notBefore, TTL]);
    },

    async list(since) {
      const now = Date.now();
      const from = Math.max(since, now - FURTHEST_BACK);
      const buckets: Date[] = [];
      for (let start = toBucket(from).getTime(); start <= now; start += BUCKET) buckets.push(new Date(start));
      const pages = await Promise.all(
        buckets.map((bucket) => database.read('revocations.list', LIST, [bucket, new Date(from)])),
      );
      return pages
        .flat()
        .map((row) => ({ subject: row.subject, notBefore: Math.ceil(row.not_before.getTime() / 1000) }));
    },
  };
}

function toBucket(at: number): Date {
  return new Date(at - (at % BUCKET));
}
