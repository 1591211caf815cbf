import { z } from 'zod';
import { Email, GivenPassword, NewPassword } from '../users/schema.ts';
import type { TokenPair } from './service.ts';

const RefreshToken = z
  .string('A refresh token, as text.')
  .min(1, 'A refresh token is required.')
  .max(512, 'At most 512 characters.')
  .meta({ description: 'Opaque; valid for one exchange.' });

/** Cut short: they open nothing, and don't look as if they did. */
const EXAMPLE_ACCESS_TOKEN = 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.…';
const EXAMPLE_REFRESH_TOKEN = 'fT8cnlsKTm2PQhqcbgt9NQAAAAC…';

export const LoginBody = z
  .strictObject({ email: Email, password: GivenPassword })
  .meta({ id: 'Login', example: { email: 'ada@example.com', password: 'a-fine-Passphrase-7' } });
export const ChangePasswordBody = z.strictObject({ currentPassword: GivenPassword, newPassword: NewPassword }).meta({
  id: 'ChangePassword',
  example: { currentPassword: 'a-fine-Passphrase-7', newPassword: 'an-even-finer-Passphrase-8' },
});
export const RefreshBody = z
  .strictObject({ refresh_token: RefreshToken })
  .meta({ id: 'Refresh', example: { refresh_token: EXAMPLE_REFRESH_TOKEN } });

/** The OAuth 2 token response keeps its own spelling (RFC 6749 §5.1). */
export const TokensBody = z
  .strictObject({
    access_token: z.string(),
    refresh_token: z.string(),
    token_type: z.literal('Bearer'),
    expires_in: z.int().meta({ description: 'Seconds.' }),
  })
  .meta({
    id: 'Tokens',
    example: {
      access_token: EXAMPLE_ACCESS_TOKEN,
      refresh_token: EXAMPLE_REFRESH_TOKEN,
      token_type: 'Bearer',
      expires_in: 600,
    },
  });

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
  .meta({
    id: 'JsonWebKeySet',
    example: {
      keys: [
        {
          kty: 'EC',
          crv: 'P-256',
          x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
          y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
          kid: 'user-2026-01',
          alg: 'ES256',
          use: 'sig',
        },
      ],
    },
  });
