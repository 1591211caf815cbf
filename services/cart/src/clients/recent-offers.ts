import { LRUCache } from 'lru-cache';
import type { Offer } from '../carts/cart.ts';
import type { Offers } from '../carts/priced-cart.ts';
import type { ProductClient } from './product.ts';

/** What is offered now, and what was a moment ago. */
export interface RecentOffers extends ProductClient {
  /** As `listOffers`, but what was asked less than the given age ago isn't asked again. */
  listRecentOffers(productIds: readonly string[]): Promise<Offers>;
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

  async function listOffers(productIds: readonly string[]): Promise<Offers> {
    const askedAt = now();
    const offers = await products.listOffers(productIds);
    for (const id of productIds) {
      const known = said.peek(id);
      if (!known || known.askedAt <= askedAt) said.set(id, { offer: offers.get(id), askedAt });
    }
    return offers;
  }

  return {
    listOffers,
    async listRecentOffers(productIds) {
      const earliest = now() - maxAge;
      const offers = new Map<string, Offer>();
      const unknown: string[] = [];
      for (const id of productIds) {
        const known = said.get(id);
        if (!known || known.askedAt <= earliest) unknown.push(id);
        else if (known.offer) offers.set(id, known.offer);
      }
      return unknown.length === 0 ? offers : new Map([...offers, ...(await listOffers(unknown))]);
    },
  };
}
