import { v5 as uuidv5 } from 'uuid';
import type { Database, Row, Statement } from '#platform/cassandra/database.ts';
import { toLong } from '#platform/cassandra/values.ts';
import { throughOutages } from '#platform/through-outages.ts';
import { type Category, listingsOf } from '../../../product/src/categories/category.ts';
import { TREE } from '../../../product/src/categories/repository.ts';
import { toNameKey } from '../../../product/src/listings/listing.ts';
import { type Listed, listingRows } from '../../../product/src/listings/repository.ts';
import { HEAD } from '../../../product/src/stock/head.ts';
import { inParallel } from './in-parallel.ts';
import type { SeedProduct } from './product.ts';

/** Makes product ids of SKUs. */
const PRODUCT_IDS = '5b2a3c52-8f0e-4a55-9d1c-0d6b7f1e2a90';
/** Write timestamp in µs of plain writes to tables of conditional writes: any of those is later and wins. */
const BEGINNING = toLong(1);
/** Rows of one partition in one batch. */
export const ROWS_TOGETHER = 50;
/** Two partitions each; of more than ten in one batch Cassandra complains in its log. */
const PRODUCTS_TOGETHER = 5;
const READ_TOGETHER = 100;

/** The id of the product that is seeded with this SKU. */
export function productIdOf(sku: string): string {
  return uuidv5(sku, PRODUCT_IDS);
}

/**
 * Puts categories and products straight into the product keyspace, complete with their first stock and their listings. Everything is
 * stamped earlier than any change by the shop: written again, it changes nothing, neither a price nor a stock.
 */
export interface CatalogueWriter {
  /** To be awaited before products are written into them. */
  writeCategories(categories: readonly Category[]): Promise<void>;
  /**
   * Best about a thousand at once: rows of one listing travel together. Leaves out what the shop has changed meanwhile: ten days later
   * the tombstones that hide a former price's row, or a deleted product's, are gone, and the row would come back.
   * Throws when a product's category was not written before.
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
  return {
    query: 'INSERT INTO categories (tree, slug, path, name, version) VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?',
    params: [TREE, slug, path, name, version, BEGINNING],
  };
}

function skuRow({ sku }: SeedProduct): Statement {
  return {
    query: 'INSERT INTO skus (sku, product_id) VALUES (?, ?) USING TIMESTAMP ?',
    params: [sku, productIdOf(sku), BEGINNING],
  };
}

/** The head row, whose listings count as written, and the adjustment that the first stock is. */
function productRows(product: SeedProduct, currency: string): Statement[] {
  const { sku, name, description, brand, category, images, attributes, stock, createdAt } = product;
  const productId = productIdOf(sku);
  const priceMinor = toLong(product.priceMinor);
  return [
    insertInto('products', {
      product_id: productId,
      op_id: HEAD,
      sku,
      name,
      description,
      brand,
      category,
      price_minor: priceMinor,
      currency,
      images: [...images],
      attributes,
      status: 'active',
      version: 1,
      created_at: createdAt,
      updated_at: createdAt,
      available: stock,
      reserved: 0,
      sold: toLong(0),
      in_stock: stock > 0,
      price_since: createdAt,
      name_since: createdAt,
      listing_version: 1,
      listed_version: 1,
      listed_as: { category, price_minor: priceMinor, name_key: toNameKey(name) },
    }),
    insertInto('products', {
      product_id: productId,
      op_id: uuidv5('first stock', productId),
      kind: 'adjust',
      quantity: stock,
      state: 'applied',
      reason: 'First stock',
      at: createdAt,
    }),
  ];
}

function insertInto(table: string, row: Readonly<Record<string, unknown>>): Statement {
  const columns = Object.keys(row);
  return {
    query: `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')}) USING TIMESTAMP ?`,
    params: [...Object.values(row), BEGINNING],
  };
}

function toListed(product: SeedProduct, currency: string): Listed {
  const { sku, name, brand, category, priceMinor, images, stock, createdAt } = product;
  const nameKey = toNameKey(name);
  return {
    product: {
      id: productIdOf(sku),
      sku,
      name,
      brand,
      category,
      priceMinor,
      currency,
      images,
      inStock: stock > 0,
      createdAt,
      nameKey,
      priceSince: createdAt,
      nameSince: createdAt,
    },
    isActive: true,
    available: stock,
    listingVersion: 1,
    listedVersion: 1,
    listedAs: { category, priceMinor, nameKey },
  };
}

function inPieces<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, piece) =>
    items.slice(piece * size, (piece + 1) * size),
  );
}
