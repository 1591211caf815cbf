import type { Database, Row, Statement } from '#platform/cassandra/database.ts';
import { insertInto } from '#platform/cassandra/insert-into.ts';
import { toLong, toNumber } from '#platform/cassandra/values.ts';
import { ALL } from '../categories/category.ts';
import { HEAD } from '../stock/head.ts';
import { type Position, type Slice, type Sort, type SortKey, type Summary, toNameKey } from './listing.ts';

/** What a product's listings show, and how far they have followed it. */
export interface Listed {
  readonly product: Omit<Summary, 'placedAt' | 'sortKey'> & {
    readonly nameKey: string;
    readonly priceSince: Date;
    readonly nameSince: Date;
  };
  readonly isActive: boolean;
  readonly available: number;
  /** Counts the changes that a listing shows. */
  readonly listingVersion: number;
  /** The latest change that all listings show. */
  readonly listedVersion: number;
  /** Where the listings hold the product now; undefined when they don't. */
  readonly listedAs: ListingKey | undefined;
}

export interface ListingKey {
  readonly category: string;
  readonly priceMinor: number;
  readonly nameKey: string;
}

export interface ListingRepository {
  /** At most `limit` rows of one partition in its order, starting after `after`, in one read. */
  listSummaries(slice: Slice, limit: number, after: Position | undefined): Promise<Summary[]>;
  /** How many products the list of all products holds. Reads their keys, a thousand a query. */
  countProducts(): Promise<number>;
  /** The product that the listings follow, after all earlier writes; undefined when there is no such product. */
  findListed(productId: string): Promise<Listed | undefined>;
  /** Makes a new listing version, as the stock crossed zero. False when the product has been changed since `fromVersion`. */
  setInStock(productId: string, inStock: boolean, fromVersion: number): Promise<boolean>;
  /**
   * Writes the product's rows in `listings` and deletes those at its former keys, stamped with its version: repeated or late, it
   * overwrites nothing of a later version. The old and the new row of one partition change together. The former category's own list by
   * newest changes last: once that is empty, no list shows a product of the category any more.
   */
  project(listed: Listed, listings: readonly string[], formerListings: readonly string[]): Promise<void>;
  /** Records that the listings show `version`, at `key`. */
  setListed(productId: string, version: number, key: ListingKey | undefined): Promise<void>;
}

interface Table {
  readonly name: string;
  readonly key: string;
  readonly order: string;
  readonly after: '<' | '>';
}

/** Keys in one read: no more than the driver returns in one page, and few enough that no request waits long meanwhile. */
const KEYS_TOGETHER = 1000;

const NEWEST: Table = { name: 'listing_by_newest', key: 'created_at', order: '', after: '<' };
const BY_PRICE: Table = { name: 'listing_by_price', key: 'price_minor', order: '', after: '>' };
const BY_PRICE_DOWN: Table = { ...BY_PRICE, order: ' ORDER BY price_minor DESC, product_id DESC', after: '<' };
const BY_NAME: Table = { name: 'listing_by_name', key: 'name_key', order: '', after: '>' };
const TABLES: Readonly<Record<Sort, Table>> = {
  '-createdAt': NEWEST,
  price: BY_PRICE,
  '-price': BY_PRICE_DOWN,
  name: BY_NAME,
};

export function createListingRepository(database: Database): ListingRepository {
  return {
    async listSummaries(slice, limit, after) {
      const table = TABLES[slice.sort];
      const { query, params } = selectSlice(table, slice, limit, after);
      const rows = await database.read(`listing.${slice.sort}`, query, params);
      return rows.map((row) => toSummary(row, table));
    },

    async countProducts() {
      let counted = 0;
      let last: Row | undefined;
      do {
        const rest = last ? ' AND (created_at, product_id) < (?, ?)' : '';
        const rows = await database.read(
          'listing.count',
          `SELECT created_at, product_id FROM ${NEWEST.name} WHERE listing = ?${rest} LIMIT ?`,
          [ALL, ...(last ? [last.created_at, last.product_id] : []), KEYS_TOGETHER],
        );
        counted += rows.length;
        last = rows.length < KEYS_TOGETHER ? undefined : rows.at(-1);
      } while (last);
      return counted;
    },

    async findListed(productId) {
      const [row] = await database.read(
        'listing.find_listed',
        `SELECT product_id, sku, name, brand, category, price_minor, currency, images, status, created_at, available, in_stock, price_since,
                name_since, listing_version, listed_version, listed_as
         FROM products WHERE product_id = ? AND op_id = ?`,
        [productId, HEAD],
        { serial: true },
      );
      return row?.sku ? toListed(row) : undefined;
    },

    async setInStock(productId, inStock, fromVersion) {
      const outcome = await database.conditional('listing.set_in_stock', [
        {
          query:
            'UPDATE products SET in_stock = ?, listing_version = ? WHERE product_id = ? AND op_id = ? IF listing_version = ? AND listed_version = ?',
          params: [inStock, fromVersion + 1, productId, HEAD, fromVersion, fromVersion],
        },
      ]);
      return outcome.applied;
    },

    async project(listed, listings, formerListings) {
      const stamp = stampOf(listed);
      const last = formerListings.at(-1);
      const write = (table: Table, listing: string) => {
        const statements: Statement[] = [];
        const former = formerListings.includes(listing) ? keyIn(table, listed.listedAs, listed) : undefined;
        const key = listings.includes(listing) ? keyIn(table, listed.product, listed) : undefined;
        if (former !== undefined && (key === undefined || former.valueOf() !== key.valueOf())) {
          statements.push(deleteRow(table, listing, former, listed.product.id, stamp));
        }
        if (key !== undefined) statements.push(insertRow(table, listing, listed, stamp));
        return database.writeTogether('listing.project', statements);
      };
      const places = [NEWEST, BY_PRICE, BY_NAME].flatMap((table) =>
        [...new Set([...listings, ...formerListings])].map((listing) => ({ table, listing })),
      );
      const isLast = ({ table, listing }: { table: Table; listing: string }) => table === NEWEST && listing === last;
      await Promise.all(places.filter((place) => !isLast(place)).map(({ table, listing }) => write(table, listing)));
      if (last !== undefined) await write(NEWEST, last);
    },

    async setListed(productId, version, key) {
      await database.conditional('listing.set_listed', [
        {
          query:
            'UPDATE products SET listed_version = ?, listed_as = ? WHERE product_id = ? AND op_id = ? IF listing_version = ?',
          params: [version, key ? listedAsColumn(key) : null, productId, HEAD, version],
        },
      ]);
    },
  };
}

/** The product's rows in `listings`, as `project` writes them, each with its partition. */
export function listingRows(
  listed: Listed,
  listings: readonly string[],
): { readonly partition: string; readonly statement: Statement }[] {
  const stamp = stampOf(listed);
  return [NEWEST, BY_PRICE, BY_NAME].flatMap((table) =>
    listings.map((listing) => ({
      partition: `${table.name} ${listing}`,
      statement: insertRow(table, listing, listed, stamp),
    })),
  );
}

/** A key as the column `listed_as` of the product holds it. */
export function listedAsColumn({ category, priceMinor, nameKey }: ListingKey) {
  return { category, price_minor: toLong(priceMinor), name_key: nameKey };
}

/** Write timestamp in µs: the rows of a later version win, whenever they are written. */
function stampOf({ product, listingVersion }: Listed): ReturnType<typeof toLong> {
  return toLong(product.createdAt.getTime() * 1000 + listingVersion);
}

function selectSlice(table: Table, slice: Slice, limit: number, after: Position | undefined): Statement {
  const { key } = table;
  const clauses = ['listing = ?'];
  const params: unknown[] = [slice.listing];
  const where = (clause: string, ...values: unknown[]) => {
    clauses.push(clause);
    params.push(...values);
  };
  if (after) where(`(${key}, product_id) ${table.after} (?, ?)`, toKeyValue(after.sortKey), after.id);
  const isCursorLower = after && table.after === '>';
  const isCursorUpper = after && table.after === '<';
  if (slice.minPrice !== undefined && !isCursorLower) where('(price_minor) >= (?)', toLong(slice.minPrice));
  if (slice.maxPrice !== undefined && !isCursorUpper) where('(price_minor) <= (?)', toLong(slice.maxPrice));
  if (slice.brand !== undefined) where('brand = ?', slice.brand);
  const placedAt = table === NEWEST ? '' : ', placed_at';
  return {
    query: `SELECT product_id, sku, name, brand, category, price_minor, currency, images, in_stock, created_at, ${key} AS sort_key${placedAt}
            FROM ${table.name} WHERE ${clauses.join(' AND ')}${table.order} LIMIT ?`,
    params: [...params, limit],
  };
}

function toKeyValue(key: SortKey): unknown {
  return typeof key === 'number' ? toLong(key) : key;
}

function keyIn(table: Table, key: ListingKey | undefined, { product }: Listed): SortKey | undefined {
  if (!key) return undefined;
  if (table === NEWEST) return product.createdAt;
  return table === BY_NAME ? key.nameKey : key.priceMinor;
}

function deleteRow(table: Table, listing: string, key: SortKey, productId: string, stamp: unknown): Statement {
  return {
    query: `DELETE FROM ${table.name} USING TIMESTAMP ? WHERE listing = ? AND ${table.key} = ? AND product_id = ?`,
    params: [stamp, listing, toKeyValue(key), productId],
  };
}

/** Always the whole row, cleared columns too: a single column written at a former key would leave a row without a name. */
function insertRow(table: Table, listing: string, { product }: Listed, stamp: unknown): Statement {
  const row: Record<string, unknown> = {
    listing,
    product_id: product.id,
    sku: product.sku,
    name: product.name,
    brand: product.brand ?? null,
    category: product.category,
    price_minor: toLong(product.priceMinor),
    currency: product.currency,
    images: [...product.images],
    in_stock: product.inStock,
    created_at: product.createdAt,
    ...(table === BY_PRICE && { placed_at: product.priceSince }),
    ...(table === BY_NAME && { placed_at: product.nameSince, name_key: product.nameKey }),
  };
  return insertInto(table.name, row, 'USING TIMESTAMP ?', stamp);
}

function toSummary(row: Row, table: Table): Summary {
  return {
    ...toSummaryFacts(row),
    placedAt: table === NEWEST ? row.created_at : row.placed_at,
    sortKey: table.key === 'price_minor' ? toNumber(row.sort_key) : row.sort_key,
  };
}

function toSummaryFacts(row: Row): Omit<Summary, 'placedAt' | 'sortKey'> {
  return {
    id: row.product_id.toString(),
    sku: row.sku,
    name: row.name,
    brand: row.brand ?? undefined,
    category: row.category,
    priceMinor: toNumber(row.price_minor),
    currency: row.currency,
    images: row.images ?? [],
    inStock: row.in_stock,
    createdAt: row.created_at,
  };
}

function toListed(row: Row): Listed {
  const key = row.listed_as;
  return {
    product: {
      ...toSummaryFacts(row),
      nameKey: toNameKey(row.name),
      priceSince: row.price_since,
      nameSince: row.name_since,
    },
    isActive: row.status === 'active',
    available: row.available,
    listingVersion: row.listing_version,
    listedVersion: row.listed_version,
    listedAs: key
      ? { category: key.category, priceMinor: toNumber(key.price_minor), nameKey: key.name_key }
      : undefined,
  };
}
