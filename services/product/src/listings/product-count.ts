import type { ProductCount } from './listing.ts';
import type { ListingRepository } from './repository.ts';

/** A count is fresh at least this long. */
const MIN_FRESH_MS = 2000;
/** A count is fresh this many times as long as counting took, so that even a large shop doesn't count all the time. */
const FRESH_FACTOR = 5;

/** Returns the latest count while it is fresh, else a new one; concurrent callers wait for the same one. */
export function createProductCount({
  repository,
  now,
}: {
  repository: Pick<ListingRepository, 'countProducts'>;
  now: () => number;
}): () => Promise<ProductCount> {
  let latest: Promise<ProductCount> | undefined;
  let freshUntil = Number.POSITIVE_INFINITY;

  async function count(): Promise<ProductCount> {
    const beganAt = now();
    try {
      const products = await repository.countProducts();
      freshUntil = now() + Math.max(MIN_FRESH_MS, FRESH_FACTOR * (now() - beganAt));
      return { products, countedAt: new Date(beganAt) };
    } catch (error) {
      freshUntil = now();
      throw error;
    }
  }

  return () => {
    if (!latest || now() >= freshUntil) {
      freshUntil = Number.POSITIVE_INFINITY;
      latest = count();
    }
    return latest;
  };
}
