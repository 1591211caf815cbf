import { TooManyRequests } from '#platform/errors.ts';

/** `retryAfter` in seconds. */
export function tooManyAttempts(retryAfter: number): TooManyRequests {
  return new TooManyRequests('too_many_attempts', 'Too many failed sign-in attempts; try again later.', { retryAfter });
}
