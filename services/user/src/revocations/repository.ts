import type { Revocation } from '#platform/auth/revocations.ts';
import { ACCESS_TOKEN_SECONDS } from '#platform/auth/user-token.ts';
import type { Database } from '#platform/cassandra/database.ts';

export interface RevocationRepository {
  /** Makes every access token of the session invalid, also one that a request in flight may still issue. */
  revokeSession(sessionId: string, at: Date): Promise<void>;
  /** All revocations since `since` (epoch ms), at most 15 minutes back: older ones have outlived the tokens they were about. */
  list(since: number): Promise<Revocation[]>;
}

/** A partition holds the revocations of one minute. */
const BUCKET_MS = 60_000;
const MAX_AGE_MS = 15 * BUCKET_MS;
/** The life of an access token, and what a request in flight and two clocks may add. */
const TTL_SECONDS = ACCESS_TOKEN_SECONDS + 60;

export function createRevocationRepository(database: Database, now: () => Date): RevocationRepository {
  return {
    async revokeSession(sessionId, at) {
      // A session never begins again, so its tokens are refused whenever they were issued, a second from now too.
      const notBefore = new Date(at.getTime() + ACCESS_TOKEN_SECONDS * 1000);
      await database.write(
        'revocations.add',
        'INSERT INTO revocations (bucket, at, subject, not_before) VALUES (?, ?, ?, ?) USING TTL ?',
        [toBucket(at.getTime()), at, sessionId, notBefore, TTL_SECONDS],
      );
    },

    async list(since) {
      const until = now().getTime();
      const from = Math.max(since, until - MAX_AGE_MS);
      const buckets: Date[] = [];
      for (let start = toBucket(from).getTime(); start <= until; start += BUCKET_MS) buckets.push(new Date(start));
      const pages = await Promise.all(
        buckets.map((bucket) =>
          database.read(
            'revocations.list',
            'SELECT subject, not_before FROM revocations WHERE bucket = ? AND at >= ?',
            [bucket, new Date(from)],
          ),
        ),
      );
      return pages
        .flat()
        .map((row) => ({ subject: row.subject, notBefore: Math.ceil(row.not_before.getTime() / 1000) }));
    },
  };
}

function toBucket(at: number): Date {
  return new Date(at - (at % BUCKET_MS));
}
