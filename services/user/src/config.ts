import { z } from 'zod';
import { cursorSecret, serviceConfig } from '#platform/config.ts';

/** Settings of the user service. */
export const userConfig = serviceConfig.extend({
  CURSOR_SECRET: cursorSecret,
  USER_SIGNING_KEYS_FILE: z
    .string()
    .describe('Private JWKS (ES256) of user tokens: the first key signs, the public halves of all are published.'),
  BCRYPT_COST: z.coerce
    .number()
    .int()
    .min(10)
    .max(15)
    .default(12)
    .describe('Cost of password hashes, 10 to 15; one more doubles the work. A sign-in renews a hash of another cost.'),
});

export type UserConfig = z.output<typeof userConfig>;
