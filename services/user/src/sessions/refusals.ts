import { Forbidden, Unauthorized } from '#platform/errors.ts';

/** The same for every cause, so that nobody learns which addresses have an account. */
export function invalidCredentials(): Unauthorized {
  return new Unauthorized('invalid_credentials', 'The e-mail address or the password is wrong.');
}

export function wrongCurrentPassword(): Forbidden {
  return new Forbidden('invalid_credentials', 'The current password is wrong.');
}

export function invalidRefreshToken(): Unauthorized {
  return new Unauthorized('invalid_refresh_token', 'The refresh token is spent, expired or unknown; sign in again.');
}
