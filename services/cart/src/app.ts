import type { Platform, ServiceParts } from '#platform/service.ts';
import { guestTokens } from './carts/guest-token.ts';
import { createCartRepository } from './carts/repository.ts';
import { cartRoutes } from './carts/routes.ts';
import { CHANGES, createCarts } from './carts/service.ts';
import { createProductClient } from './clients/product.ts';
import type { CartConfig } from './config.ts';

export function assembleCart({ metrics, database, clientOf }: Platform, { CURRENCY }: CartConfig): ServiceParts {
  const changes = metrics.counter('cart_changes_total', 'Changes made to carts, by what was done.', ['kind'], CHANGES);
  const carts = createCarts({
    repository: createCartRepository(database),
    products: createProductClient(clientOf('product')),
    guestTokens,
    currency: CURRENCY,
    countChange: (kind) => changes.inc({ kind }),
  });
  return { routes: cartRoutes(carts) };
}
