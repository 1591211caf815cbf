import { Conflict, NotFound, Unavailable } from '#platform/errors.ts';

export function userNotFound(): NotFound {
  return new NotFound('user_not_found', 'There is no such user.');
}

export function lastAdmin(): Conflict {
  return new Conflict('last_admin', 'No active admin would be left.');
}

export function adminsContended(): Unavailable {
  return new Unavailable('busy', 'Too many admins are being changed right now; try again.');
}
