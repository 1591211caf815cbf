import { z } from 'zod';
import { Email, GivenPassword, NewPassword } from '../users/schema.ts';
import type { TokenPair } from './service.ts';

const RefreshToken = z
  .string('A refresh token, as text.')
  .min(1, 'A refresh token is required.')
  .max(512, 'At most 512 characters.')
  .meta({ description: 'Opaque; good for one exchange.' });

export const LoginBody = z.strictObject({ email: Email, password: GivenPassword }).meta({ id: 'Login' });
export const ChangePasswordBody = z
  .strictObject({ currentPassword: GivenPassword, newPassword: NewPassword })
  .meta({ id: 'ChangePassword' });
export const RefreshBody = z.strictObject({ refresh_token: RefreshToken }).meta({ id: 'Refresh' });

/** The OAuth 2 token response keeps its own spelling (RFC 6749 §5.1). */
export const TokensBody = z
  .strictObject({
    access_token: z.string(),
    refresh_token: z.string(),
    token_type: z.literal('Bearer'),
    expires_in: z.int().meta({ example: 600, description: 'Seconds.' }),
  })
  .meta({ id: 'Tokens' });

export function toTokensBody({ accessToken, refreshToken }: TokenPair, expiresIn: number): z.output<typeof TokensBody> {
  return { access_token: accessToken, refresh_token: refreshToken, token_type: 'Bearer', expires_in: expiresIn };
}

export const KeysBody = z
  .strictObject({
    keys: z.array(
      z.strictObject({
        kty: z.literal('EC'),
        crv: z.literal('P-256'),
        x: z.string(),
        y: z.string(),
        kid: z.string(),
        alg: z.literal('ES256'),
        use: z.literal('sig'),
      }),
    ),
  })
  .meta({ id: 'JsonWebKeySet' });
