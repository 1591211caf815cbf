import { connectDatabase, type DatabaseOptions } from '#platform/cassandra/database.ts';
import { silentLogger } from '#platform/logging.ts';
import { createMetrics } from '#platform/metrics.ts';
import { SHELF_COUNT, seedCategories, seedProduct } from './product.ts';
import { createCatalogueWriter, ROWS_TOGETHER } from './writer.ts';

/** Fills the batches of even the smallest listings, those of the shelves, between which the products go around. */
const CHUNK = SHELF_COUNT * ROWS_TOGETHER;

/** Of the product keyspace, for a role that may write it. */
export interface SeedCatalogueOptions extends DatabaseOptions {
  readonly products: number;
  /** A whole number: the same gives the same products, another gives others beside them. */
  readonly seed?: number;
  /** ISO 4217. */
  readonly currency?: string;
  onProgress?(done: number, total: number): void;
}

/**
 * Writes the category tree and so many products with their stock and listings. Repeating it, or going on after it was cut off, changes
 * nothing that the shop has done since. Memory doesn't grow with the number of products.
 */
export async function seedCatalogue(options: SeedCatalogueOptions): Promise<void> {
  const { products: total, seed = 1, currency = 'USD', onProgress = () => undefined } = options;
  const database = await connectDatabase(options, createMetrics(), silentLogger);
  try {
    const writer = createCatalogueWriter(database, currency);
    await writer.writeCategories(seedCategories());
    for (let from = 0; from < total; from += CHUNK) {
      const to = Math.min(from + CHUNK, total);
      await writer.writeProducts(Array.from({ length: to - from }, (_, offset) => seedProduct(seed, from + offset)));
      onProgress(to, total);
    }
  } finally {
    await database.close();
  }
}
