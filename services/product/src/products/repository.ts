import type { Database, Row } from '#platform/cassandra/database.ts';
import { toNumber } from '#platform/cassandra/values.ts';
import { HEAD } from '../stock/head.ts';
import type { Offer, Product } from './product.ts';

export interface ProductRepository {
  /** The product with its live stock, in one read; undefined when it doesn't exist or is deleted. */
  findProduct(id: string): Promise<Product | undefined>;
  /** What is offered of these products, in one read; those that can't be bought are absent. */
  listOffers(ids: readonly string[]): Promise<Offer[]>;
}

export function createProductRepository(database: Database): ProductRepository {
  return {
    async findProduct(id) {
      const [row] = await database.read(
        'product.find',
        `SELECT product_id, sku, name, description, brand, category, price_minor, currency, images, attributes, available, status, version,
                created_at, updated_at
         FROM products WHERE product_id = ? AND op_id = ?`,
        [id, HEAD],
      );
      return row && isActive(row) ? toProduct(row) : undefined;
    },

    async listOffers(ids) {
      const rows = await database.read(
        'product.list_offers',
        'SELECT product_id, sku, name, images, price_minor, currency, available, status FROM products WHERE product_id IN ? AND op_id = ?',
        [[...ids], HEAD],
      );
      return rows.filter(isActive).map(toOffer);
    },
  };
}

/** A partition that only ever saw a stock operation has no product in its head row. */
function isActive(row: Row): boolean {
  return row.status === 'active';
}

function toProduct(row: Row): Product {
  return {
    id: row.product_id.toString(),
    sku: row.sku,
    name: row.name,
    description: row.description ?? undefined,
    brand: row.brand ?? undefined,
    category: row.category,
    priceMinor: toNumber(row.price_minor),
    currency: row.currency,
    images: row.images ?? [],
    attributes: row.attributes ?? {},
    available: row.available,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function toOffer(row: Row): Offer {
  return {
    id: row.product_id.toString(),
    sku: row.sku,
    name: row.name,
    image: row.images?.[0],
    priceMinor: toNumber(row.price_minor),
    currency: row.currency,
    available: row.available,
  };
}
