import type { createKeyedLimit } from '#platform/keyed-limit.ts';
import { tooManyAttempts } from '../sessions/refusals.ts';
import type { FailureRepository } from './repository.ts';
import { dayOf, type Failures, failAccount, failNetwork, networkOf, secondsBlocked } from './throttle.ts';

/**
 * Slows down who guesses passwords. It blocks an account for one network, never for all, so that no stranger keeps its owner out; and a
 * network for all accounts. Only failures count. Throws TooManyRequests `too_many_attempts`, unknown addresses like known ones.
 */
export interface LoginThrottle {
  assertAllowed(email: string, ip: string): Promise<void>;
  /** Counts a failure. One that was begun before a block and ends in it is blocked too: parallel guesses get no more answers. */
  noteFailure(email: string, ip: string): Promise<void>;
  /** Forgets the account's failures from this network; blocked like a failure, or else parallel guesses would show the right one. */
  noteSuccess(email: string, ip: string): Promise<void>;
}

export interface ThrottleParts {
  readonly failures: FailureRepository;
  /** Counts of one key are changed one after the other; between replicas one may be lost, which is harmless. */
  readonly oneByOne: ReturnType<typeof createKeyedLimit>;
  countThrottled(): void;
}

export function createLoginThrottle({ failures, oneByOne, countThrottled }: ThrottleParts): LoginThrottle {
  function refuseWhileBlocked(known: Failures): void {
    const retryAfter = secondsBlocked(known, new Date());
    if (retryAfter === 0) return;
    countThrottled();
    throw tooManyAttempts(retryAfter);
  }

  function noteFailureOf(key: string, fail: typeof failAccount): Promise<void> {
    return oneByOne(key, async () => {
      const known = await failures.find(key);
      refuseWhileBlocked(known);
      await failures.save(key, fail(known, new Date()));
    });
  }

  return {
    async assertAllowed(email, ip) {
      const keys = [accountKey(email, ip), networkKey(ip)];
      for (const known of await Promise.all(keys.map((key) => failures.find(key)))) refuseWhileBlocked(known);
    },

    async noteFailure(email, ip) {
      await noteFailureOf(accountKey(email, ip), failAccount);
      await noteFailureOf(networkKey(ip), failNetwork);
    },

    async noteSuccess(email, ip) {
      const account = accountKey(email, ip);
      const [ofAccount, ofNetwork] = await Promise.all([failures.find(account), failures.find(networkKey(ip))]);
      refuseWhileBlocked(ofAccount);
      refuseWhileBlocked(ofNetwork);
      if (ofAccount.count > 0) await failures.clear(account);
    },
  };
}

function accountKey(email: string, ip: string): string {
  return `account ${email} ${networkOf(ip)}`;
}

function networkKey(ip: string): string {
  return `network ${networkOf(ip)} ${dayOf(new Date())}`;
}
