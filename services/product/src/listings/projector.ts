import { type Category, listingsOf } from '../categories/category.ts';
import { listingsContended } from './refusals.ts';
import type { Listed, ListingKey, ListingRepository } from './repository.ts';

const ROUNDS = 10;

/**
 * Brings the listings of one product up to date: with its latest version, and with whether it is in stock. May be repeated, cut off
 * anywhere and run concurrently. Throws when it can't finish; it must then be called again.
 */
export type ProjectListings = (productId: string) => Promise<void>;

export function createProjector({
  repository,
  findCategory,
}: {
  repository: ListingRepository;
  /** As in the database: the tree in memory may be a moment old. */
  findCategory(slug: string): Promise<Category | undefined>;
}): ProjectListings {
  return async (productId) => {
    for (let round = 1; round <= ROUNDS; round += 1) {
      const listed = await repository.findListed(productId);
      if (!listed) return;
      const { product, isActive, available, listingVersion, listedVersion } = listed;
      if (listedVersion < listingVersion) await catchUp(listed);
      else if (isActive && product.inStock !== available > 0)
        await repository.setInStock(productId, available > 0, listingVersion);
      else return;
    }
    throw listingsContended(productId);
  };

  async function catchUp(listed: Listed): Promise<void> {
    const { product, isActive, listedAs, listingVersion } = listed;
    const key: ListingKey | undefined = isActive ? product : undefined;
    const [category, former] = await Promise.all([find(key), find(listedAs)]);
    if (key && !category) throw new Error(`The category ${key.category} is not in the tree.`);
    // A former category that has been deleted was empty, and its own listing is emptied last.
    await repository.project(listed, category ? listingsOf(category) : [], former ? listingsOf(former) : []);
    await repository.setListed(product.id, listingVersion, key);
  }

  async function find(key: ListingKey | undefined): Promise<Category | undefined> {
    return key && findCategory(key.category);
  }
}
