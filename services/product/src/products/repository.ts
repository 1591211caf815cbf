import { randomUUID } from 'node:crypto';
import { v5 as uuidv5 } from 'uuid';
import type { Database, Row } from '#platform/cassandra/database.ts';
import { insertInto } from '#platform/cassandra/insert-into.ts';
import { toLong, toNumber } from '#platform/cassandra/values.ts';
import { outcomeUnknown } from '#platform/errors.ts';
import { toNameKey } from '../listings/listing.ts';
import { HEAD } from '../stock/head.ts';
import type { Offer, Product, ProductFacts, ProductRecord } from './product.ts';

/** `active` is on sale; `deleted` never will be again. */
export type ProductStatus = 'active' | 'deleted';

/** The product's new facts; undefined deletes it. */
export type NextFacts = ProductFacts | undefined;

export interface ProductRepository {
  /** The product with its live stock, in one read; undefined when it doesn't exist or is deleted. */
  findProduct(id: string): Promise<Product | undefined>;
  /** Offers for these products, in one read; products that can't be bought are absent. */
  listOffers(ids: readonly string[]): Promise<Offer[]>;
  /** The product after all earlier changes, deleted ones too. */
  findLatest(id: string): Promise<ProductRecord | undefined>;
  findStatus(id: string): Promise<ProductStatus | undefined>;
  /** Inserts the product with its first stock, once; false when the insert has been forbidden. */
  insertProduct(product: Product): Promise<boolean>;
  /**
   * Makes the next version: with `facts`, or deleted. Undefined when the product has been changed since it was read, or its listings
   * haven't followed the last change yet: nobody would know any more where they hold it. Throws Unavailable `outcome_unknown` when it can't
   * tell whether this change was made.
   */
  changeProduct(product: ProductRecord, facts: NextFacts, at: Date): Promise<ProductRecord | undefined>;
  /** Keeps a product that doesn't exist from ever being inserted; false when it exists or did. */
  forbidInsert(id: string): Promise<boolean>;
  /** Keeps changes that have begun from being applied; their writers have to read the product again. */
  interruptChanges(id: string): Promise<void>;
  /** Claims the SKU if it is unclaimed; returns the product that holds the claim. */
  claimSku(sku: string, id: string): Promise<string>;
  /** Takes the SKU over from a product that isn't on sale; false when another product was faster. */
  takeOverSku(sku: string, from: string, to: string): Promise<boolean>;
}

const SHOWN = `product_id, sku, name, description, brand, category, price_minor, currency, images, attributes, available, status, version,
  created_at, updated_at`;

export function createProductRepository(database: Database): ProductRepository {
  /** After all earlier changes, with the columns that only writers need. */
  async function findLatestRow(id: string): Promise<Row | undefined> {
    const query = `SELECT ${SHOWN}, listing_version, write_id FROM products WHERE product_id = ? AND op_id = ?`;
    const [row] = await database.read('product.find_latest', query, [id, HEAD], { serial: true });
    return row;
  }

  return {
    async findProduct(id) {
      const query = `SELECT ${SHOWN} FROM products WHERE product_id = ? AND op_id = ?`;
      const [row] = await database.read('product.find', query, [id, HEAD]);
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

    async findLatest(id) {
      const row = await findLatestRow(id);
      return row?.sku ? toRecord(row) : undefined;
    },

    async findStatus(id) {
      return (await findLatestRow(id))?.status ?? undefined;
    },

    async insertProduct(product) {
      const rows = [headRow(product), firstStockRow(product)];
      const outcome = await database.conditional(
        'product.insert',
        rows.map((row) => insertInto('products', row, 'IF NOT EXISTS')),
      );
      if (outcome.applied) return true;
      // Nobody else has this id: the row there is our own, or the one that forbids the insert.
      const row = await findLatestRow(product.id);
      return row?.sku !== null && row?.sku === product.sku;
    },

    async changeProduct(product, facts, at) {
      const { id, version, listingVersion } = product;
      const writeId = randomUUID();
      const movesPrice = facts && facts.priceMinor !== product.priceMinor;
      const movesName = facts && toNameKey(facts.name) !== toNameKey(product.name);
      const values = {
        ...(facts ? toColumns(facts) : { status: 'deleted' }),
        ...(movesPrice && { price_since: at }),
        ...(movesName && { name_since: at }),
        version: version + 1,
        listing_version: listingVersion + 1,
        updated_at: at,
        write_id: writeId,
      };
      const assignments = Object.keys(values).map((column) => `${column} = ?`);
      const outcome = await database.conditional('product.change', [
        {
          query: `UPDATE products SET ${assignments.join(', ')} WHERE product_id = ? AND op_id = ?
                  IF version = ? AND listing_version = ? AND listed_version = ?`,
          params: [...Object.values(values), id, HEAD, version, listingVersion, listingVersion],
        },
      ]);
      const isActive = facts !== undefined;
      const changed = {
        ...product,
        ...facts,
        isActive,
        version: version + 1,
        listingVersion: listingVersion + 1,
        updatedAt: at,
      };
      if (outcome.applied) return changed;
      if (!outcome.uncertain) return undefined;
      const row = await findLatestRow(id);
      if (row?.write_id?.toString() === writeId) return changed;
      // Each version has one writer; once it has been followed by another, nothing tells who it was.
      if (row && row.version > version + 1) throw outcomeUnknown('product');
      return undefined;
    },

    async forbidInsert(id) {
      const outcome = await database.conditional('product.forbid_insert', [
        insertInto('products', { product_id: id, op_id: HEAD, status: 'deleted' }, 'IF NOT EXISTS'),
      ]);
      if (outcome.applied) return true;
      return outcome.uncertain && (await findLatestRow(id))?.sku === null;
    },

    async interruptChanges(id) {
      const row = await findLatestRow(id);
      if (!row?.sku) return;
      // A refusal means that it has been changed since this read, which makes earlier changes stale just as well.
      await database.conditional('product.interrupt_changes', [
        {
          query: 'UPDATE products SET listing_version = ? WHERE product_id = ? AND op_id = ? IF listing_version = ?',
          params: [row.listing_version + 1, id, HEAD, row.listing_version],
        },
      ]);
    },

    async claimSku(sku, id) {
      const outcome = await database.conditional('sku.claim', [
        { query: 'INSERT INTO skus (sku, product_id) VALUES (?, ?) IF NOT EXISTS', params: [sku, id] },
      ]);
      return outcome.applied ? id : String(outcome.rows[0]?.product_id);
    },

    async takeOverSku(sku, from, to) {
      const outcome = await database.conditional('sku.take_over', [
        { query: 'UPDATE skus SET product_id = ? WHERE sku = ? IF product_id = ?', params: [to, sku, from] },
      ]);
      return outcome.applied || String(outcome.rows[0]?.product_id) === to;
    },
  };
}

type Columns = Readonly<Record<string, unknown>>;

/** The head row of a new product that is in no list yet. */
export function headRow(product: Product): Columns {
  const { id, sku, currency, available, version, createdAt } = product;
  return {
    product_id: id,
    op_id: HEAD,
    sku,
    ...toColumns(product),
    currency,
    status: 'active',
    version,
    created_at: createdAt,
    updated_at: createdAt,
    available,
    reserved: 0,
    sold: toLong(0),
    in_stock: available > 0,
    price_since: createdAt,
    name_since: createdAt,
    listing_version: 1,
    listed_version: 0,
  };
}

/** The first stock of a new product, as the adjustment that it is. */
export function firstStockRow({ id, available, createdAt }: Product): Columns {
  return {
    product_id: id,
    op_id: uuidv5('first stock', id),
    kind: 'adjust',
    quantity: available,
    state: 'applied',
    reason: 'First stock',
    at: createdAt,
  };
}

/** Every column, cleared ones as null: a column that isn't written would keep its value. */
function toColumns({ name, description, brand, category, priceMinor, images, attributes }: ProductFacts) {
  return {
    name,
    description: description ?? null,
    brand: brand ?? null,
    category,
    price_minor: toLong(priceMinor),
    images: [...images],
    attributes,
  };
}

/** A partition that only ever had stock operations has no product in its head row. */
function isActive(row: Row): boolean {
  return row.status === 'active';
}

function toRecord(row: Row): ProductRecord {
  return { ...toProduct(row), isActive: isActive(row), listingVersion: row.listing_version };
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
