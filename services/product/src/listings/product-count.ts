import type { ProductCount } from './listing.ts';
import type { ListingRepository } from './repository.ts';

/** ms that a count is good for. */
const LEAST = 2000;
/** A count is good for so many times as long as counting took: however large the shop is, it doesn't count all the time. */
const TIMES = 5;

/** Gives the latest count, or a new one when that is no longer good; who asks while one is made waits for it. */
export function createProductCount({
  repository,
  now,
}: {
  repository: Pick<ListingRepository, 'countProducts'>;
  now: () => number;
}): () => Promise<ProductCount> {
  let latest: Promise<ProductCount> | undefined;
  let goodUntil = Number.POSITIVE_INFINITY;

  async function count(): Promise<ProductCount> {
    const beganAt = now();
    try {
      const products = await repository.countProducts();
      goodUntil = now() + Math.max(LEAST, TIMES * (now() - beganAt));
      return { products, countedAt: new Date(beganAt) };
    } catch (error) {
      goodUntil = now();
      throw error;
    }
  }

  return () => {
    if (!latest || now() >= goodUntil) {
      goodUntil = Number.POSITIVE_INFINITY;
      latest = count();
    }
    return latest;
  };
}
