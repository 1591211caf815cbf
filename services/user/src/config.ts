import { z } from 'zod';
import { cursorSecret, serviceConfig } from '#platform/config.ts';

/** Settings of the user service. */
export const userConfig = serviceConfig.extend({
  CURSOR_SECRET: cursorSecret,
  USER_SIGNING_KEYS_FILE: z
    .string()
    .describe(
      'File with the private JWKS (ES256) of user tokens: the first key signs, and the public keys of all are published',
    ),
  BCRYPT_COST: z.coerce
    .number()
    .int()
    .min(10)
    .max(15)
    .default(12)
    .describe(
      'Cost of a password hash, 10 to 15; each step doubles the work. A sign-in replaces a hash of another cost',
    ),
});

export type UserConfig = z.output<typeof userConfig>;
