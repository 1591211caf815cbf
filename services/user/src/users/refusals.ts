import { Conflict, NotFound, Unavailable } from '#platform/errors.ts';

export function userNotFound(): NotFound {
  return new NotFound('user_not_found', 'There is no such user.');
}

export function emailTaken(): Conflict {
  return new Conflict('email_taken', 'There is an account with this e-mail address already.');
}

export function lastAdmin(): Conflict {
  return new Conflict('last_admin', 'No active admin would be left.');
}

export function tooManyHashes(): Unavailable {
  return new Unavailable('busy', 'Too many people sign in right now; ask again.', { retryAfter: 2 });
}

export function adminsContended(): Unavailable {
  return new Unavailable('busy', 'Too many admins are changed right now; ask again.');
}
