import { LRUCache } from 'lru-cache';
import type { Offer } from '../carts/cart.ts';
import type { Offers } from '../carts/priced-cart.ts';
import type { ProductClient } from './product.ts';

export interface RecentOffers {
  /**
   * Offers of `shown`, each of now or of a moment ago, and of `decisive`, which are always of now. One call for all that must be asked for,
   * none when that is nothing. Throws what the call throws.
   */
  listOffers(shown: readonly string[], ...decisive: string[]): Promise<Offers>;
}

/** What was said of a product; that it isn't sold is an answer too. */
interface Said {
  readonly offer: Offer | undefined;
  readonly askedAt: number;
}

/** Products remembered, some 500 bytes each. */
const REMEMBERED = 10_000;

/** Remembers for `maxAge` ms, counted from the asking: what is shown is never older. `now` is a steady clock in ms. */
export function createRecentOffers(products: ProductClient, maxAge: number, now: () => number): RecentOffers {
  const said = new LRUCache<string, Said>({ max: REMEMBERED });

  async function ask(productIds: readonly string[]): Promise<Offers> {
    const askedAt = now();
    const offers = await products.listOffers(productIds);
    for (const id of productIds) {
      const known = said.peek(id);
      if (!known || known.askedAt <= askedAt) said.set(id, { offer: offers.get(id), askedAt });
    }
    return offers;
  }

  return {
    async listOffers(shown, ...decisive) {
      const earliest = now() - maxAge;
      const offers = new Map<string, Offer>();
      const unknown: string[] = [];
      for (const id of new Set([...shown, ...decisive])) {
        const known = decisive.includes(id) ? undefined : said.get(id);
        if (!known || known.askedAt <= earliest) unknown.push(id);
        else if (known.offer) offers.set(id, known.offer);
      }
      return unknown.length === 0 ? offers : new Map([...offers, ...(await ask(unknown))]);
    },
  };
}
