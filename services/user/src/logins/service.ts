import { createKeyedLimit } from '#platform/keyed-limit.ts';
import { tooManyAttempts } from './refusals.ts';
import type { FailureRepository } from './repository.ts';
import { dayOf, type Failures, failAccount, failNetwork, networkOf, secondsBlocked } from './throttle.ts';

/**
 * Slows down password guessing. It blocks an account for one network, never for all, so that no stranger can lock its owner out; and a
 * network for all accounts. Only failures count. Throws TooManyRequests `too_many_attempts`, for unknown addresses as for known ones.
 */
export interface LoginThrottle {
  assertAllowed(email: string, ip: string): Promise<void>;
  /** Counts a failure. An attempt that began before a block and ends during it is refused too: parallel guesses get no further answers. */
  noteFailure(email: string, ip: string): Promise<void>;
  /**
   * Forgets the account's failures from this network. Refused during a block, like a failure: or parallel guesses would show the right one.
   */
  noteSuccess(email: string, ip: string): Promise<void>;
}

export interface ThrottleParts {
  readonly failures: FailureRepository;
  readonly now: () => Date;
  countThrottled(): void;
}

export function createLoginThrottle({ failures, now, countThrottled }: ThrottleParts): LoginThrottle {
  // The counts of a key change one after the other here; replicas may lose one to each other, which is harmless.
  const oneByOne = createKeyedLimit(1);

  function refuseWhileBlocked(known: Failures): void {
    const retryAfter = secondsBlocked(known, now());
    if (retryAfter === 0) return;
    countThrottled();
    throw tooManyAttempts(retryAfter);
  }

  function noteFailureOf(key: string, fail: typeof failAccount): Promise<void> {
    return oneByOne(key, async () => {
      const known = await failures.find(key);
      refuseWhileBlocked(known);
      await failures.save(key, fail(known, now()));
    });
  }

  return {
    async assertAllowed(email, ip) {
      const keys = [accountKey(email, ip), networkKey(ip, now())];
      for (const known of await Promise.all(keys.map((key) => failures.find(key)))) refuseWhileBlocked(known);
    },

    async noteFailure(email, ip) {
      await noteFailureOf(accountKey(email, ip), failAccount);
      await noteFailureOf(networkKey(ip, now()), failNetwork);
    },

    async noteSuccess(email, ip) {
      const account = accountKey(email, ip);
      const network = networkKey(ip, now());
      const [ofAccount, ofNetwork] = await Promise.all([failures.find(account), failures.find(network)]);
      refuseWhileBlocked(ofAccount);
      refuseWhileBlocked(ofNetwork);
      if (ofAccount.count > 0) await failures.clear(account);
    },
  };
}

function accountKey(email: string, ip: string): string {
  return `account ${email} ${networkOf(ip)}`;
}

function networkKey(ip: string, now: Date): string {
  return `network ${networkOf(ip)} ${dayOf(now)}`;
}
