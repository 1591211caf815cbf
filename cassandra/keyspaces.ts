import type { ServiceName } from '#platform/service-names.ts';

/** The keyspace of each service, in the order in which they are made. Its role has the same name. */
export const KEYSPACES = {
  product: 'product',
  cart: 'cart',
  order: 'orders',
  user: 'users',
} as const satisfies Record<ServiceName, string>;

/** A role for each keyspace, and one that may read them all. */
export const ROLE_NAMES = [...Object.values(KEYSPACES), 'audit'] as const;

export type RoleName = (typeof ROLE_NAMES)[number];
