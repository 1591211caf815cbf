import type { Logger } from '../logging.ts';
import { ACCESS_TOKEN_SECONDS, type IsRevoked } from './user-token.ts';

const POLL_MS = 3000;
/** How far back each poll looks again, so that a row which was written late isn't missed. */
const OVERLAP_MS = 15_000;

/**
 * Tokens of `subject` that were issued (`iat`) before `notBefore` are refused; those issued then or later aren't. For a session that has
 * ended `notBefore` lies an access token's life ahead, so that all its tokens are refused, one that a request in flight still issues too.
 */
export interface Revocation {
  /** A user's or a session's id. */
  readonly subject: string;
  /** Epoch seconds. */
  readonly notBefore: number;
}

export interface Revocations {
  readonly isRevoked: IsRevoked;
  /** Resolves when it has asked for the first time, whatever came of it. */
  readonly asked: Promise<void>;
  /** ms since what is known was whole. */
  age(): number;
  start(): void;
  stop(): void;
}

/**
 * Remembers whose tokens are refused until those have ended by themselves: an access token's life after `notBefore`. Asks `fetchSince`
 * every 3 s for what was written since then (epoch ms). While that fails it goes on with what it knows: an access token's life is the
 * longest that a revoked one can last.
 */
export function createRevocations(
  fetchSince: (since: number) => Promise<readonly Revocation[]>,
  logger: Logger,
): Revocations {
  /** The latest `notBefore` of each subject. */
  const notBefore = new Map<string, number>();
  let polledAt = Date.now() - ACCESS_TOKEN_SECONDS * 1000;
  let timer: NodeJS.Timeout | undefined;
  let failing = false;
  const { promise: asked, resolve: hasAsked } = Promise.withResolvers<void>();

  function remember({ subject, notBefore: from }: Revocation): void {
    notBefore.set(subject, Math.max(from, notBefore.get(subject) ?? 0));
  }

  async function poll(): Promise<void> {
    const startedAt = Date.now();
    try {
      for (const revocation of await fetchSince(polledAt - OVERLAP_MS)) remember(revocation);
      polledAt = startedAt;
      failing = false;
      forgetBefore(startedAt / 1000 - ACCESS_TOKEN_SECONDS);
    } catch (cause) {
      if (!failing) logger.warn('revocations_unreachable', 'Going on with the revocations known so far.', { cause });
      failing = true;
    }
    hasAsked();
  }

  function forgetBefore(oldest: number): void {
    for (const [subject, from] of notBefore) if (from < oldest) notBefore.delete(subject);
  }

  return {
    asked,
    isRevoked: (subject, issuedAt) => issuedAt < (notBefore.get(subject) ?? 0),
    age: () => Date.now() - polledAt,
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
