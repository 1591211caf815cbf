import { connectDatabase, type DatabaseOptions } from '#platform/cassandra/database.ts';
import { silentLogger } from '#platform/logging.ts';
import { createMetrics } from '#platform/metrics.ts';
import { SHELF_COUNT, seedCategories, seedProduct } from './product.ts';
import { createCatalogueWriter, ROWS_TOGETHER } from './writer.ts';

/** Large enough to fill the batches of even the smallest listings, those of the shelves. */
const CHUNK = SHELF_COUNT * ROWS_TOGETHER;

/** The product keyspace, and a role that may write it. */
export interface SeedCatalogueOptions extends DatabaseOptions {
  readonly products: number;
  /** A whole number: the same seed gives the same products, another adds others. */
  readonly seed?: number;
  /** ISO 4217. */
  readonly currency?: string;
  onProgress?(done: number, total: number): void;
}

/**
 * Writes the category tree and the products, with their stock and listings. Repeating it, also after an interruption, changes nothing that
 * the shop has done since. Memory doesn't grow with the number of products.
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
