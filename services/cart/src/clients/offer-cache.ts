import { LRUCache } from 'lru-cache';
import type { Offer } from '../carts/cart.ts';
import type { Offers } from '../carts/priced-cart.ts';
import type { ProductClient } from './product.ts';

export interface OfferCache {
  /**
   * Offers of `shown` and `fresh` by product id; a product that isn't sold is absent. All are current, except that in a busy store those
   * of `shown` may be up to a second old. Makes one call at most, and throws what it throws.
   */
  listOffers(shown: readonly string[], ...fresh: string[]): Promise<Offers>;
}

/** The answer for one product; that it isn't sold is an answer too. */
interface CachedOffer {
  readonly offer: Offer | undefined;
  readonly askedAt: number;
}

/** As long as Nginx caches the catalogue. */
const MAX_AGE_MS = 1000;
/** Products, of about 500 bytes each. */
const MAX_CACHED = 10_000;

/** `isAffordable` is asked once per call: while true, every offer is current. `now` is a steady clock in ms. */
export function createOfferCache(
  products: ProductClient,
  isAffordable: () => boolean,
  now = () => performance.now(),
): OfferCache {
  const cache = new LRUCache<string, CachedOffer>({ max: MAX_CACHED });

  /** An offer is as old as its request; an answer overtaken by that to a later request isn't cached. */
  async function ask(productIds: readonly string[]): Promise<Offers> {
    const askedAt = now();
    const offers = await products.listOffers(productIds);
    for (const id of productIds) {
      const cached = cache.peek(id);
      if (!cached || cached.askedAt <= askedAt) cache.set(id, { offer: offers.get(id), askedAt });
    }
    return offers;
  }

  return {
    async listOffers(shown, ...fresh) {
      const productIds = [...new Set([...shown, ...fresh])];
      if (productIds.length === 0 || isAffordable()) return ask(productIds);
      const earliest = now() - MAX_AGE_MS;
      const offers = new Map<string, Offer>();
      const unknown: string[] = [];
      for (const id of productIds) {
        const cached = fresh.includes(id) ? undefined : cache.get(id);
        if (!cached || cached.askedAt <= earliest) unknown.push(id);
        else if (cached.offer) offers.set(id, cached.offer);
      }
      return new Map([...offers, ...(await ask(unknown))]);
    },
  };
}
