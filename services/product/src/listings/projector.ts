import { listingsOf } from '../categories/category.ts';
import type { CategoryTree } from '../categories/service.ts';
import type { Listed, ListingKey, ListingRepository } from './repository.ts';

const ROUNDS = 10;

/**
 * Brings the listings of one product up to the truth: its latest version, and whether there is any of it. May be repeated, cut off
 * anywhere and run by several at once; throws when it can't finish, and is then to be called again.
 */
export type ProjectListings = (productId: string) => Promise<void>;

export function createProjector({
  repository,
  categories,
}: {
  repository: ListingRepository;
  categories: CategoryTree;
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
    throw new Error(`The listings of ${productId} change faster than they can be followed.`);
  };

  async function catchUp(listed: Listed): Promise<void> {
    const { product, isActive, listedAs, listingVersion } = listed;
    const key: ListingKey | undefined = isActive ? product : undefined;
    await repository.project(listed, await listings(key), await listings(listedAs));
    await repository.setListed(product.id, listingVersion, key);
  }

  async function listings(key: ListingKey | undefined): Promise<string[]> {
    if (!key) return [];
    if (!categories.find(key.category)) await categories.refresh();
    const category = categories.find(key.category);
    if (!category) throw new Error(`The category ${key.category} is not in the tree.`);
    return listingsOf(category);
  }
}
