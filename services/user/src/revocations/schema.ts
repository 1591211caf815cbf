import { z } from 'zod';

export const RevocationsQuery = z.strictObject({
  since: z
    .string('Epoch milliseconds are required.')
    .regex(/^\d{1,15}$/, 'Epoch milliseconds.')
    .transform(Number)
    .meta({
      example: '1769852467512',
      description: 'Epoch milliseconds; revocations older than 15 minutes are left out.',
    }),
});

export const RevocationsBody = z
  .strictObject({
    data: z.array(
      z.strictObject({
        subject: z.string().meta({ description: 'Id of a user or of a session.' }),
        notBefore: z.int().meta({ description: 'Epoch seconds; tokens issued (`iat`) earlier are refused.' }),
      }),
    ),
  })
  .meta({
    id: 'Revocations',
    example: { data: [{ subject: '7d3f1c9e-5b0a-4e6d-8f42-1a9c6e0b7d35', notBefore: 1769852467 }] },
  });
