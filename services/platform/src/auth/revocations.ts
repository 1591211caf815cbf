import type { Logger } from '../logging.ts';
import { ACCESS_TOKEN_SECONDS, type IsRevoked } from './user-token.ts';

const POLL_MS = 3000;
/** How far back each poll looks again, so that a row which was written late isn't missed. */
const OVERLAP_MS = 15_000;

/** From `notBefore` (epoch s) on, tokens of `subject` (a user's or a session's id) are good. */
export interface Revocation {
  readonly subject: string;
  readonly notBefore: number;
}

export interface Revocations {
  readonly isRevoked: IsRevoked;
  /** Takes one in at once, without waiting for the next poll. */
  add(revocation: Revocation): void;
  start(): void;
  stop(): void;
}

/**
 * Remembers who may no longer use which tokens, for an access token's life; asks `fetchSince` (epoch ms) every 3 s.
 * While that fails it goes on with what it knows: an access token's life is the longest that a revoked one can last.
 */
export function createRevocations(
  fetchSince: (since: number) => Promise<readonly Revocation[]>,
  logger: Logger,
): Revocations {
  const notBefore = new Map<string, number>();
  let polledAt = Date.now() - ACCESS_TOKEN_SECONDS * 1000;
  let timer: NodeJS.Timeout | undefined;
  let failing = false;

  function add({ subject, notBefore: from }: Revocation): void {
    notBefore.set(subject, Math.max(from, notBefore.get(subject) ?? 0));
  }

  async function poll(): Promise<void> {
    const startedAt = Date.now();
    try {
      for (const revocation of await fetchSince(polledAt - OVERLAP_MS)) add(revocation);
      polledAt = startedAt;
      failing = false;
      forgetBefore(startedAt / 1000 - ACCESS_TOKEN_SECONDS);
    } catch (cause) {
      if (!failing) logger.warn('revocations_unreachable', 'Going on with the revocations known so far.', { cause });
      failing = true;
    }
  }

  function forgetBefore(oldest: number): void {
    for (const [subject, from] of notBefore) if (from < oldest) notBefore.delete(subject);
  }

  return {
    isRevoked: (subject, issuedAt) => issuedAt < (notBefore.get(subject) ?? 0),
    add,
    start() {
      const loop = async () => {
        await poll();
        if (timer) timer = setTimeout(loop, POLL_MS);
      };
      timer = setTimeout(loop, 0);
    },
    stop() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
