import { type Route, route } from '#platform/http/route.ts';
import type { RevocationRepository } from './repository.ts';
import { RevocationsBody, RevocationsQuery } from './schema.ts';

export function revocationRoutes(revocations: RevocationRepository): Route[] {
  return [
    route({
      method: 'get',
      path: '/internal/revocations',
      summary: 'Whose tokens are no longer valid',
      tag: 'Internal',
      access: { services: ['product', 'cart', 'order'], scope: 'revocations:read' },
      request: { query: RevocationsQuery },
      response: RevocationsBody,
      handle: async ({ query }) => ({ data: await revocations.list(query.since) }),
    }),
  ];
}
