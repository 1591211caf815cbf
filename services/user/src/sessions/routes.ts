import type { z } from 'zod';
import { ACCESS_TOKEN_SECONDS } from '#platform/auth/user-token.ts';
import { Reply, type Route, route } from '#platform/http/route.ts';
import { tooManyAttempts } from '../logins/refusals.ts';
import { tooManyHashes } from '../users/refusals.ts';
import { invalidCredentials, invalidRefreshToken, wrongCurrentPassword } from './refusals.ts';
import { ChangePasswordBody, KeysBody, LoginBody, RefreshBody, TokensBody, toTokensBody } from './schema.ts';
import type { SessionService } from './service.ts';

export function sessionRoutes(sessions: SessionService): Route[] {
  return [
    route({
      method: 'post',
      path: '/api/v1/auth/login',
      summary: 'Sign in',
      tag: 'Sessions',
      access: 'public',
      request: { body: LoginBody },
      response: TokensBody,
      errors: [invalidCredentials(), tooManyAttempts(900), tooManyHashes()],
      handle: async ({ body, ip }) => toTokensBody(await sessions.login({ ...body, ip }), ACCESS_TOKEN_SECONDS),
    }),
    route({
      method: 'post',
      path: '/api/v1/auth/refresh',
      summary: 'Exchange a refresh token for a new pair',
      description: 'Spends the token at once. Using a spent token again ends the session and all its tokens.',
      tag: 'Sessions',
      access: 'public',
      request: { body: RefreshBody },
      response: TokensBody,
      errors: [invalidRefreshToken()],
      handle: async ({ body }) => toTokensBody(await sessions.refresh(body.refresh_token), ACCESS_TOKEN_SECONDS),
    }),
    route({
      method: 'post',
      path: '/api/v1/auth/logout',
      summary: 'Sign out',
      description: 'Ends the session and all its tokens; a token that belongs to no session changes nothing.',
      tag: 'Sessions',
      access: 'public',
      request: { body: RefreshBody },
      status: 204,
      handle: async ({ body }) => {
        await sessions.logout(body.refresh_token);
        return undefined;
      },
    }),
    route({
      method: 'post',
      path: '/api/v1/auth/password',
      summary: 'Change your password',
      description:
        'Ends all other sessions and their tokens; the session of this request goes on. A wrong current password is 403 ' +
        '`invalid_credentials` and counts as a failed sign-in.',
      tag: 'Sessions',
      access: 'user',
      request: { body: ChangePasswordBody },
      status: 204,
      errors: [wrongCurrentPassword(), tooManyAttempts(900), tooManyHashes()],
      handle: async ({ body, ip }, { userId, sessionId }) => {
        await sessions.changePassword({ ...body, userId, sessionId, ip });
        return undefined;
      },
    }),
  ];
}

/** The public halves of the keys that sign access tokens; the next one is published before it is used. */
export function keyRoutes(keys: z.output<typeof KeysBody>): Route[] {
  return [
    route({
      method: 'get',
      path: '/.well-known/jwks.json',
      summary: 'The public keys of access tokens',
      tag: 'Sessions',
      access: 'public',
      response: KeysBody,
      handle: () => new Reply(keys, { headers: { 'Cache-Control': 'public, max-age=300' } }),
    }),
  ];
}
