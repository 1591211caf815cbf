import type { Platform, ServiceParts } from '#platform/service.ts';
import { guestTokens } from './carts/guest-token.ts';
import { createCartRepository } from './carts/repository.ts';
import { cartRoutes } from './carts/routes.ts';
import { CHANGES, createCarts } from './carts/service.ts';
import { createProductClient } from './clients/product.ts';
import { createRecentOffers } from './clients/recent-offers.ts';
import type { CartConfig } from './config.ts';

/** ms for which a cart that is only looked at goes on showing a price and a stock; as long as Nginx keeps the catalogue. */
const OFFER_AGE = 1000;

export function assembleCart(
  { metrics, database, clientOf }: Platform,
  { CURRENCY }: CartConfig,
  { offerAge = OFFER_AGE } = {},
): ServiceParts {
  const changes = metrics.counter('cart_changes_total', 'Changes made to carts, by what was done.', ['kind'], CHANGES);
  const carts = createCarts({
    repository: createCartRepository(database),
    products: createRecentOffers(createProductClient(clientOf('product')), offerAge, () => performance.now()),
    guestTokens,
    currency: CURRENCY,
    countChange: (kind) => changes.inc({ kind }),
  });
  return { routes: cartRoutes(carts) };
}
