import { z } from 'zod';
import type { ServiceClient } from '../client/service-client.ts';
import type { Revocation } from './revocations.ts';

const Revocations = z.object({ data: z.array(z.object({ subject: z.string(), notBefore: z.number() })) });

/** Fetches the revocations written since (epoch ms) from the user service. */
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
