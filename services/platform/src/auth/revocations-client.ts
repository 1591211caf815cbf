import { z } from 'zod';
import type { ServiceClient } from '../client/service-client.ts';
import type { Revocation } from './revocations.ts';

const Revocations = z.object({ data: z.array(z.object({ subject: z.string(), notBefore: z.number() })) });

/** Asks the user service who may no longer use their tokens, since epoch ms. */
export function createRevocationsClient(user: ServiceClient): (since: number) => Promise<Revocation[]> {
  return async (since) => {
    const answer = await user.call({
      method: 'GET',
      path: `/internal/revocations?since=${since}`,
      scope: 'revocations:read',
      idempotent: true,
      answers: { 200: Revocations },
    });
    return answer.body.data;
  };
}
