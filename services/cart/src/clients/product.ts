import { z } from 'zod';
import type { ServiceClient } from '#platform/client/service-client.ts';
import type { Offer } from '../carts/cart.ts';
import type { Offers } from '../carts/priced-cart.ts';

/** A read, so it doesn't need the longer timeout of a POST. */
const READ_CAP_MS = 2000;

/** The fields of an offer that a cart uses. */
const OffersAnswer = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      sku: z.string(),
      name: z.string(),
      image: z.string().nullable(),
      price: z.object({ amount: z.int(), currency: z.string() }),
      available: z.int(),
    }),
  ),
});

export interface ProductClient {
  /**
   * Current offers of at most 100 products, by product id; a product that isn't sold is absent. One call, none without ids. Throws
   * Unavailable `upstream_unavailable`.
   */
  listOffers(productIds: readonly string[]): Promise<Offers>;
}

export function createProductClient(client: ServiceClient): ProductClient {
  return {
    async listOffers(productIds) {
      if (productIds.length === 0) return new Map();
      const { body } = await client.call({
        method: 'POST',
        path: '/internal/products/batch',
        scope: 'products:read',
        body: { ids: productIds },
        answers: { 200: OffersAnswer },
        idempotent: true,
        capMs: READ_CAP_MS,
      });
      return new Map(body.data.map((offer) => [offer.id, toOffer(offer)]));
    },
  };
}

function toOffer({ id, sku, name, image, price, available }: z.output<typeof OffersAnswer>['data'][number]): Offer {
  return {
    productId: id,
    sku,
    name,
    image: image ?? undefined,
    priceMinor: price.amount,
    currency: price.currency,
    available,
  };
}
