import { z } from 'zod';

export const RevocationsQuery = z.strictObject({
  since: z
    .string('Epoch milliseconds are required.')
    .regex(/^\d{1,15}$/, 'Epoch milliseconds.')
    .transform(Number)
    .meta({ example: '1767225600000', description: 'Epoch milliseconds; at most 15 minutes back are given.' }),
});

export const RevocationsBody = z
  .strictObject({
    data: z.array(
      z.strictObject({
        subject: z.string().meta({ description: 'Id of a user or of a session.' }),
        notBefore: z.int().meta({ description: 'Epoch seconds; tokens issued (`iat`) before are refused.' }),
      }),
    ),
  })
  .meta({ id: 'Revocations' });
