import { Conflict, Unavailable } from '#platform/errors.ts';

export function emailTaken(): Conflict {
  return new Conflict('email_taken', 'An account with this e-mail address already exists.');
}

export function tooManyHashes(): Unavailable {
  return new Unavailable('busy', 'Too many people are signing in right now; try again.', { retryAfter: 2 });
}
