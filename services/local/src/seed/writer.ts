import { v5 as uuidv5 } from 'uuid';
import type { Database, Row, Statement } from '#platform/cassandra/database.ts';
import { insertInto } from '#platform/cassandra/insert-into.ts';
import { toLong } from '#platform/cassandra/values.ts';
import { throughOutages } from '#platform/through-outages.ts';
import { type Category, listingsOf } from '../../../product/src/categories/category.ts';
import { TREE } from '../../../product/src/categories/repository.ts';
import { toNameKey } from '../../../product/src/listings/listing.ts';
import { type Listed, type ListingKey, listedAsColumn, listingRows } from '../../../product/src/listings/repository.ts';
import type { Product } from '../../../product/src/products/product.ts';
import { firstStockRow, headRow } from '../../../product/src/products/repository.ts';
import { HEAD } from '../../../product/src/stock/head.ts';
import { inParallel } from './in-parallel.ts';
import type { SeedProduct } from './product.ts';

/** Namespace of the product ids that are made from SKUs. */
const PRODUCT_IDS = '5b2a3c52-8f0e-4a55-9d1c-0d6b7f1e2a90';
/** Write timestamp in µs of plain writes to tables of conditional writes: any conditional write is later and wins. */
const BEGINNING = toLong(1);
/** Rows of one partition in one batch. */
export const ROWS_TOGETHER = 50;
/** Of two partitions each; Cassandra warns in its log about batches of more than ten. */
const PRODUCTS_TOGETHER = 5;
const READ_TOGETHER = 100;

/** The id of the seeded product with this SKU. */
export function productIdOf(sku: string): string {
  return uuidv5(sku, PRODUCT_IDS);
}

/**
 * Writes categories and products directly into the product keyspace, complete with their first stock and their listings. All of it has a
 * write timestamp before any change by the shop: written again, it changes nothing, neither a price nor a stock.
 */
export interface CatalogueWriter {
  /** Await it before you write products of these categories. */
  writeCategories(categories: readonly Category[]): Promise<void>;
  /**
   * Best for about a thousand at a time: rows of one listing are sent together. Skips products that the shop has changed since: after ten
   * days the tombstones that hide the row of a former price or a deleted product are gone, and the row would reappear. Throws when a
   * product's category has not been written before.
   */
  writeProducts(products: readonly SeedProduct[]): Promise<void>;
}

export function createCatalogueWriter(database: Database, currency: string): CatalogueWriter {
  const categoryBySlug = new Map<string, Category>();

  const send = (statements: readonly Statement[]) => throughOutages(() => database.writeTogether('seed', statements));

  async function listUntouched(products: readonly SeedProduct[]): Promise<SeedProduct[]> {
    const ids = products.map(({ sku }) => productIdOf(sku));
    const rows = await Promise.all(
      inPieces(ids, READ_TOGETHER).map((piece) =>
        throughOutages(() =>
          database.read(
            'seed.find_touched',
            'SELECT product_id, version, listing_version FROM products WHERE product_id IN ? AND op_id = ?',
            [piece, HEAD],
          ),
        ),
      ),
    );
    const isTouched = (row: Row) => row.version > 1 || row.listing_version > 1;
    const touched = new Set(
      rows
        .flat()
        .filter(isTouched)
        .map((row) => row.product_id.toString()),
    );
    return products.filter((_, index) => !touched.has(ids[index]));
  }

  async function writeHeads(products: readonly SeedProduct[]): Promise<void> {
    await send(products.flatMap((product) => [skuRow(product), ...productRows(product, currency)]));
  }

  /** Writes into one listing, a partition of each sort's table. */
  async function list(listing: string, products: readonly SeedProduct[]): Promise<void> {
    const rows = products.flatMap((product) => listingRows(toListed(product, currency), [listing]));
    for (const sort of Map.groupBy(rows, ({ partition }) => partition).values()) {
      await send(sort.map(({ statement }) => statement));
    }
  }

  function* listWork(products: readonly SeedProduct[]): Generator<() => Promise<void>> {
    const places = products.flatMap((product) =>
      listingsOf(categoryOf(product)).map((listing) => ({ listing, product })),
    );
    for (const [listing, placed] of Map.groupBy(places, (place) => place.listing)) {
      for (const piece of inPieces(placed, ROWS_TOGETHER))
        yield () =>
          list(
            listing,
            piece.map(({ product }) => product),
          );
    }
  }

  function categoryOf({ category: slug }: SeedProduct): Category {
    const category = categoryBySlug.get(slug);
    if (!category) throw new Error(`The category ${slug} has not been written.`);
    return category;
  }

  return {
    async writeCategories(categories) {
      for (const piece of inPieces(categories, ROWS_TOGETHER)) await send(piece.map(categoryRow));
      for (const category of categories) categoryBySlug.set(category.slug, category);
    },

    async writeProducts(products) {
      const untouched = await listUntouched(products);
      await inParallel(inPieces(untouched, PRODUCTS_TOGETHER).map((piece) => () => writeHeads(piece)));
      await inParallel(listWork(untouched));
    },
  };
}

function categoryRow({ slug, path, name, version }: Category): Statement {
  return insertAtBeginning('categories', { tree: TREE, slug, path, name, version });
}

function skuRow({ sku }: SeedProduct): Statement {
  return insertAtBeginning('skus', { sku, product_id: productIdOf(sku) });
}

/** The head row, with its listings recorded as written, and the first stock. */
function productRows(seed: SeedProduct, currency: string): Statement[] {
  const product = toProduct(seed, currency);
  const listed = { listed_version: 1, listed_as: listedAsColumn(toKey(product)) };
  return [{ ...headRow(product), ...listed }, firstStockRow(product)].map((row) => insertAtBeginning('products', row));
}

function insertAtBeginning(table: string, row: Readonly<Record<string, unknown>>): Statement {
  return insertInto(table, row, 'USING TIMESTAMP ?', BEGINNING);
}

function toProduct({ stock, ...facts }: SeedProduct, currency: string): Product {
  return {
    ...facts,
    id: productIdOf(facts.sku),
    currency,
    available: stock,
    version: 1,
    updatedAt: facts.createdAt,
  };
}

function toListed(seed: SeedProduct, currency: string): Listed {
  const product = toProduct(seed, currency);
  const { available, createdAt } = product;
  const key = toKey(product);
  return {
    product: {
      ...product,
      inStock: available > 0,
      nameKey: key.nameKey,
      priceSince: createdAt,
      nameSince: createdAt,
    },
    isActive: true,
    available,
    listingVersion: 1,
    listedVersion: 1,
    listedAs: key,
  };
}

function toKey({ category, priceMinor, name }: Product): ListingKey {
  return { category, priceMinor, nameKey: toNameKey(name) };
}

function inPieces<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, piece) =>
    items.slice(piece * size, (piece + 1) * size),
  );
}
