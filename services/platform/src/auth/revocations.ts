import type { Logger } from '../logging.ts';
import { createPoller } from '../poller.ts';
import type { Worker } from '../service.ts';
import { ACCESS_TOKEN_SECONDS, type IsRevoked } from './user-token.ts';

const POLL_MS = 3000;
/** How far back each poll looks again, so that rows written late aren't missed. */
const OVERLAP_MS = 15_000;

/**
 * Tokens of `subject` issued (`iat`) before `notBefore` are refused; later ones are not. When a session ends, `notBefore` is set to one
 * access token's lifetime ahead, so that all its tokens are refused, even one still being issued by a request in flight.
 */
export interface Revocation {
  /** A user's or a session's id. */
  readonly subject: string;
  /** Epoch seconds. */
  readonly notBefore: number;
}

export interface Revocations extends Required<Worker> {
  readonly isRevoked: IsRevoked;
  /** Resolves after the first poll, whether it succeeded or failed. */
  readonly asked: Promise<void>;
  /** ms since the last poll that succeeded began. */
  age(): number;
}

/**
 * Remembers whose tokens are refused until those have expired: one access token's lifetime after `notBefore`. Polls `fetchSince` (epoch ms)
 * every 3 s for new revocations. While that fails, those known so far apply: a revoked token can't outlive an access token's lifetime.
 */
export function createRevocations(
  fetchSince: (since: number) => Promise<readonly Revocation[]>,
  logger: Logger,
): Revocations {
  /** The latest `notBefore` of each subject. */
  const notBefore = new Map<string, number>();
  let polledAt = Date.now() - ACCESS_TOKEN_SECONDS * 1000;
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
      if (!failing) logger.warn('revocations_unreachable', 'Only the revocations known so far apply.', { cause });
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
    ...createPoller(poll, POLL_MS),
  };
}
