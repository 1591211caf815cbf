import { createRateBudget } from '#platform/rate-budget.ts';
import type { Platform, ServiceParts } from '#platform/service.ts';
import { guestTokens } from './carts/guest-token.ts';
import { createCartRepository } from './carts/repository.ts';
import { cartRoutes } from './carts/routes.ts';
import { CHANGES, createCartService } from './carts/service.ts';
import { createOfferCache } from './clients/offer-cache.ts';
import { createProductClient } from './clients/product.ts';
import type { CartConfig } from './config.ts';

/** Requests a second whose carts are priced anew, whatever is cached: 4 % of a core, in cart and product together. */
const PRICED_ANEW_PER_SECOND = 50;

/** Joins the parts of the cart service. */
export function assembleCart({ metrics, database, clientOf }: Platform, { CURRENCY }: CartConfig): ServiceParts {
  const changes = metrics.counter('cart_changes_total', 'Changes made to carts, by what was done.', ['kind'], CHANGES);
  const now = () => new Date();
  const carts = createCartService({
    repository: createCartRepository(database, now),
    products: createOfferCache(createProductClient(clientOf('product')), createRateBudget(PRICED_ANEW_PER_SECOND)),
    guestTokens,
    currency: CURRENCY,
    now,
    countChange: (kind) => changes.inc({ kind }),
  });
  return { routes: cartRoutes(carts) };
}
