import type { z } from 'zod';
import { ACCESS_TOKEN_SECONDS } from '#platform/auth/user-token.ts';
import { Reply, type Route, route } from '#platform/http/route.ts';
import { tooManyHashes } from '../users/refusals.ts';
import { invalidCredentials, invalidRefreshToken, tooManyAttempts, wrongCurrentPassword } from './refusals.ts';
import { ChangePasswordBody, KeysBody, LoginBody, RefreshBody, TokensBody, toTokensBody } from './schema.ts';
import type { Sessions } from './service.ts';

export function sessionRoutes(sessions: Sessions): Route[] {
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
      description:
        'The token sent is spent at once. A spent one that is used again ends the session and all its tokens.',
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
      description: 'Ends the session of the token and all its tokens; a token of no session changes nothing.',
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
      summary: 'Change the own password',
      description:
        'All other sessions end, with their tokens; the one that asks goes on. A wrong current password is 403 ' +
        '`invalid_credentials` and counts like a failure to sign in.',
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

/** The public halves of the keys that sign access tokens; the next one is shown before it is used. */
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
