import { setTimeout as sleep } from 'node:timers/promises';
import { auth, Client, type types as DriverTypes, errors, type QueryOptions, types } from 'cassandra-driver';
import { type Cluster, toClusterOptions } from '#platform/cassandra/cluster.ts';
import { toNumber } from '#platform/cassandra/values.ts';
import type { ServiceName } from '#platform/service-names.ts';
import type { OrderLine } from '../../../order/src/orders/order.ts';
import type { Category } from '../../../product/src/categories/category.ts';
import { TREE } from '../../../product/src/categories/repository.ts';
import { toNameKey } from '../../../product/src/listings/listing.ts';
import { HEAD } from '../../../product/src/stock/head.ts';
import {
  addOperation,
  type CartFacts,
  LISTING_KEYS,
  LISTINGS,
  type ListedOrder,
  type ListingRow,
  type ListingTable,
  type Operation,
  type OrderFacts,
  type ProductFacts,
  type StockFacts,
} from './rules.ts';

type Row = DriverTypes.Row;

export interface ReaderOptions extends Cluster {
  /** A role that may SELECT in all four keyspaces. */
  readonly username: string;
  readonly password: string;
  readonly keyspaces: Readonly<Record<ServiceName, string>>;
}

/** One partition of `products`: the product, and the sums of its operations. */
export interface ProductPartition {
  readonly product: ProductFacts | undefined;
  readonly stock: StockFacts;
}

/** How much of a product an order holds or has bought. */
export interface Hold {
  readonly productId: string;
  readonly operation: Operation;
}

export interface Account {
  readonly id: string;
  readonly email: string;
  readonly role: string;
  readonly status: string;
}

/**
 * Reads the four keyspaces and writes nothing. Scans yield every partition once, some at a time, in bounded memory. `latest` reads see
 * every earlier conditional write (LOCAL_SERIAL, which SELECT allows).
 */
export interface Reader {
  scanProducts(): AsyncGenerator<{ partitions: ProductPartition[]; holds: Hold[] }>;
  scanOrders(): AsyncGenerator<OrderFacts[]>;
  scanOrderLists(table: 'orders_by_user' | 'orders_by_day'): AsyncGenerator<ListedOrder[]>;
  scanListing(table: ListingTable): AsyncGenerator<ListingRow[]>;
  scanCarts(): AsyncGenerator<CartFacts[]>;
  scanAccounts(): AsyncGenerator<Account[]>;
  readTree(): Promise<Map<string, Category>>;
  /** The first rows of one listing. */
  readListing(table: ListingTable, listing: string, limit: number): Promise<ListingRow[]>;
  /** The rows of a product, where they should be. */
  readListingRows(product: ProductFacts, listings: readonly string[]): Promise<ListingRow[]>;
  /** The current state of a row. */
  findListingRow(row: ListingRow): Promise<ListingRow | undefined>;
  findProductPartition(id: string): Promise<ProductPartition>;
  findProducts(ids: readonly string[]): Promise<Map<string, ProductFacts>>;
  findClaims(skus: readonly string[]): Promise<Map<string, string>>;
  /** What an order holds, by product. */
  findHolds(orderId: string, productIds: readonly string[], latest?: boolean): Promise<Map<string, Operation>>;
  /** Without their histories. */
  findOrders(ids: readonly string[]): Promise<Map<string, OrderFacts>>;
  /** With its history. */
  findLatestOrder(id: string): Promise<OrderFacts | undefined>;
  /** The rows where the lists should show the order. */
  findListedOrder(order: Place): Promise<ListedOrder[]>;
  findCart(id: string): Promise<CartFacts | undefined>;
  findAccountClaims(emails: readonly string[]): Promise<Map<string, string>>;
  close(): Promise<void>;
}

/** The keys of an order in the lists; by default the day is that of its creation. */
type Place = Pick<ListedOrder, 'id' | 'userId' | 'createdAt' | 'day'>;

/** Parts of the ring, each read page by page. */
const RANGES = 8;
const PAGE = 500;
/** Rows of one partition, read at the same moment. */
const LARGE_PAGE = 5000;
/** Keys in one IN. */
const AT_ONCE = 50;
const ATTEMPTS = 6;
const { localQuorum, localSerial } = types.consistencies;

const PRODUCT = `product_id, op_id, sku, name, brand, category, price_minor, currency, images, status, created_at, available, reserved, sold,
  price_since, name_since, listing_version, listed_version`;
const ORDER = `order_id, user_id, request_hash, status, version, lines, total_minor, currency, expected_total_minor, rejection, created_at,
  updated_at`;

/** Connects; throws the driver's error when it can't. */
export async function createReader(options: ReaderOptions): Promise<Reader> {
  const { product, cart, order: orders, user: users } = options.keyspaces;
  const client = new Client({
    ...toClusterOptions(options),
    authProvider: new auth.PlainTextAuthProvider(options.username, options.password),
    queryOptions: { prepare: true, consistency: localQuorum, isIdempotent: true, fetchSize: PAGE },
    socketOptions: { readTimeout: 5000 },
    pooling: { coreConnectionsPerHost: { [types.distance.local]: 2 } },
    monitorReporting: { enabled: false },
  });
  try {
    await client.connect();
  } catch (error) {
    await client.shutdown();
    throw error;
  }

  /** Retries, since a busy store may be slow. */
  async function execute(query: string, params: readonly unknown[], settings: QueryOptions = {}) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await client.execute(query, [...params], { prepare: true, ...settings });
      } catch (error) {
        if (attempt === ATTEMPTS || !isPassing(error)) throw error;
        await sleep(100 * 2 ** attempt);
      }
    }
  }

  /** Fetches the next page while one is being checked. */
  async function* pages(query: string, params: readonly unknown[], settings: QueryOptions = {}) {
    const fetchPage = (pageState?: string): ReturnType<typeof execute> => {
      const page = execute(query, params, { ...settings, ...(pageState !== undefined && { pageState }) });
      // Thrown where it is awaited, unless the consumer has stopped before.
      page.catch(() => undefined);
      return page;
    };
    for (let next: ReturnType<typeof fetchPage> | undefined = fetchPage(); next !== undefined; ) {
      const page: Awaited<typeof next> = await next;
      next = page.pageState ? fetchPage(page.pageState) : undefined;
      yield page.rows;
    }
  }

  /** Every row of a table, those of a partition in succession. */
  async function* scan(table: string, partitionKey: string, columns: string): AsyncGenerator<Row[]> {
    const query = `SELECT ${columns} FROM ${table} WHERE token(${partitionKey}) > ? AND token(${partitionKey}) <= ?`;
    for (const range of tokenRanges()) yield* pages(query, range);
  }

  async function readInPieces<Value>(
    keys: readonly string[],
    query: string,
    toEntry: (row: Row) => readonly [string, Value] | undefined,
    more: readonly unknown[] = [],
  ): Promise<Map<string, Value>> {
    const unique = [...new Set(keys)];
    const pieces = Array.from({ length: Math.ceil(unique.length / AT_ONCE) }, (_, piece) =>
      unique.slice(piece * AT_ONCE, (piece + 1) * AT_ONCE),
    );
    const results = await Promise.all(pieces.map((piece) => execute(query, [piece, ...more])));
    return new Map(results.flatMap(({ rows }) => rows.map(toEntry).filter((entry) => entry !== undefined)));
  }

  return {
    async *scanProducts() {
      const columns = `${PRODUCT}, kind, quantity, state`;
      let current: ProductPartition | undefined;
      for await (const rows of scan(`${product}.products`, 'product_id', columns)) {
        const partitions: ProductPartition[] = [];
        for (const row of rows) {
          const id = row.product_id.toString();
          if (current && current.stock.productId !== id) partitions.push(current);
          const before = current?.stock.productId === id ? current : undefined;
          current = addRow(before ?? emptyPartition(id), row);
        }
        yield { partitions, holds: rows.filter(({ state }) => state === 'held' || state === 'committed').map(toHold) };
      }
      if (current) yield { partitions: [current], holds: [] };
    },

    async *scanOrders() {
      let rowsOfOne: Row[] = [];
      for await (const rows of scan(`${orders}.orders`, 'order_id', `${ORDER}, seq, event`)) {
        const whole: OrderFacts[] = [];
        for (const row of rows) {
          if (rowsOfOne[0] && !rowsOfOne[0].order_id.equals(row.order_id)) {
            whole.push(toOrderWithHistory(rowsOfOne));
            rowsOfOne = [];
          }
          rowsOfOne.push(row);
        }
        yield whole;
      }
      if (rowsOfOne.length > 0) yield [toOrderWithHistory(rowsOfOne)];
    },

    async *scanOrderLists(table) {
      const key = table === 'orders_by_user' ? 'user_id' : 'day';
      for await (const rows of scan(`${orders}.${table}`, key, '*')) yield rows.map((row) => toListedOrder(table, row));
    },

    async *scanListing(table) {
      for await (const rows of scan(`${product}.${table}`, 'listing', '*')) {
        yield rows.map((row) => toListingRow(table, row));
      }
    },

    async *scanCarts() {
      const columns = 'cart_id, lines, takes, updated_at';
      for await (const rows of scan(`${cart}.carts`, 'cart_id', columns)) yield rows.map(toCart);
    },

    async *scanAccounts() {
      for await (const rows of scan(`${users}.users`, 'user_id', 'user_id, email, role, status')) {
        yield rows.map(({ user_id, email, role, status }) => ({ id: user_id.toString(), email, role, status }));
      }
    },

    async readTree() {
      const query = `SELECT slug, name, path, version FROM ${product}.categories WHERE tree = ?`;
      const { rows } = await execute(query, [TREE], { fetchSize: LARGE_PAGE });
      return new Map(rows.map(({ slug, name, path, version }) => [slug, { slug, name, path, version }]));
    },

    async readListing(table, listing, limit) {
      const query = `SELECT * FROM ${product}.${table} WHERE listing = ? LIMIT ?`;
      const { rows } = await execute(query, [listing, limit]);
      return rows.map((row) => toListingRow(table, row));
    },

    async readListingRows(facts, listings) {
      const { priceMinor, createdAt, nameKey, id } = facts;
      const keys = { created_at: createdAt, price_minor: types.Long.fromNumber(priceMinor), name_key: nameKey };
      const found = await Promise.all(
        LISTINGS.map(async (table) => {
          const key = LISTING_KEYS[table];
          const query = `SELECT * FROM ${product}.${table} WHERE listing IN ? AND ${key} = ? AND product_id = ?`;
          const { rows } = await execute(query, [[...listings], keys[key], id]);
          return rows.map((row) => toListingRow(table, row));
        }),
      );
      return found.flat();
    },

    async findListingRow({ table, listing, productId, sortKey }) {
      const query = `SELECT * FROM ${product}.${table} WHERE listing = ? AND ${LISTING_KEYS[table]} = ? AND product_id = ?`;
      const { rows } = await execute(query, [listing, sortKey, productId]);
      return rows[0] && toListingRow(table, rows[0]);
    },

    async findProductPartition(id) {
      const query = `SELECT ${PRODUCT}, kind, quantity, state FROM ${product}.products WHERE product_id = ?`;
      let partition = emptyPartition(id);
      for await (const rows of pages(query, [id], { consistency: localSerial, fetchSize: LARGE_PAGE })) {
        partition = rows.reduce(addRow, partition);
      }
      return partition;
    },

    findProducts: (ids) =>
      readInPieces(
        ids,
        `SELECT ${PRODUCT} FROM ${product}.products WHERE product_id IN ? AND op_id = ?`,
        (row) => (row.sku === null ? undefined : [row.product_id.toString(), toProduct(row)]),
        [HEAD],
      ),

    findClaims: (skus) =>
      readInPieces(skus, `SELECT sku, product_id FROM ${product}.skus WHERE sku IN ?`, (row) => [
        row.sku,
        row.product_id.toString(),
      ]),

    async findHolds(orderId, productIds, latest = false) {
      const columns = 'product_id, op_id, kind, quantity, state';
      const from = `SELECT ${columns} FROM ${product}.products WHERE`;
      const toEntry = (row: Row) => [row.product_id.toString(), toOperation(row)] as const;
      if (!latest) return readInPieces(productIds, `${from} product_id IN ? AND op_id = ?`, toEntry, [orderId]);
      const results = await Promise.all(
        productIds.map((id) =>
          execute(`${from} product_id = ? AND op_id = ?`, [id, orderId], { consistency: localSerial }),
        ),
      );
      return new Map(results.flatMap(({ rows }) => rows.map(toEntry)));
    },

    findOrders: (ids) =>
      readInPieces(ids, `SELECT ${ORDER} FROM ${orders}.orders WHERE order_id IN ? PER PARTITION LIMIT 1`, (row) => [
        row.order_id.toString(),
        toOrder(row),
      ]),

    async findLatestOrder(id) {
      const query = `SELECT ${ORDER}, seq, event FROM ${orders}.orders WHERE order_id = ?`;
      const { rows } = await execute(query, [id], { consistency: localSerial });
      return rows.length > 0 ? toOrderWithHistory(rows) : undefined;
    },

    async findListedOrder({ id, userId, createdAt, day = createdAt.toISOString().slice(0, 10) }) {
      const place = 'created_at = ? AND order_id = ?';
      const [byUser, byDay] = await Promise.all([
        execute(`SELECT * FROM ${orders}.orders_by_user WHERE user_id = ? AND ${place}`, [userId, createdAt, id]),
        execute(`SELECT * FROM ${orders}.orders_by_day WHERE day = ? AND ${place}`, [
          types.LocalDate.fromString(day),
          createdAt,
          id,
        ]),
      ]);
      return [
        ...byUser.rows.map((row) => toListedOrder('orders_by_user', row)),
        ...byDay.rows.map((row) => toListedOrder('orders_by_day', row)),
      ];
    },

    async findCart(id) {
      const query = `SELECT cart_id, lines, takes, updated_at FROM ${cart}.carts WHERE cart_id = ?`;
      const { rows } = await execute(query, [id], { consistency: localSerial });
      return rows[0] && toCart(rows[0]);
    },

    findAccountClaims: (emails) =>
      readInPieces(emails, `SELECT email, user_id FROM ${users}.credentials WHERE email IN ?`, (row) => [
        row.email,
        row.user_id?.toString() ?? '',
      ]),

    close: () => client.shutdown(),
  };
}

/** The ring in consecutive parts, by Murmur3 tokens. */
function tokenRanges(): [DriverTypes.Long, DriverTypes.Long][] {
  const low = -(2n ** 63n);
  const width = 2n ** 64n / BigInt(RANGES);
  const toToken = (value: bigint) => types.Long.fromString(BigInt.asIntN(64, value).toString());
  return Array.from({ length: RANGES }, (_, part) => {
    const from = low + BigInt(part) * width;
    const to = part === RANGES - 1 ? 2n ** 63n - 1n : from + width;
    return [toToken(from), toToken(to)];
  });
}

function isPassing(error: unknown): boolean {
  if (error instanceof errors.ResponseError) {
    const { readTimeout, readFailure, overloaded, unavailableException } = types.responseErrorCodes;
    return [readTimeout, readFailure, overloaded, unavailableException].includes(error.code);
  }
  return error instanceof errors.OperationTimedOutError || error instanceof errors.NoHostAvailableError;
}

function emptyPartition(productId: string): ProductPartition {
  const stock = { productId, level: undefined, operations: 0, adjusted: 0, held: 0, committed: 0, oddity: undefined };
  return { product: undefined, stock };
}

function addRow(partition: ProductPartition, row: Row): ProductPartition {
  const { stock } = partition;
  if (row.op_id.toString() !== HEAD) return { ...partition, stock: addOperation(stock, toOperation(row)) };
  if (row.available === null) return partition;
  const level = { available: row.available, reserved: row.reserved, sold: toNumber(row.sold) };
  return { product: row.sku === null ? undefined : toProduct(row), stock: { ...stock, level } };
}

function toHold(row: Row): Hold {
  return { productId: row.product_id.toString(), operation: toOperation(row) };
}

function toOperation({ op_id, kind, state, quantity }: Row): Operation {
  return { id: op_id.toString(), kind, state, quantity };
}

function toProduct(row: Row): ProductFacts {
  return {
    id: row.product_id.toString(),
    sku: row.sku,
    name: row.name,
    nameKey: toNameKey(row.name),
    brand: row.brand ?? undefined,
    category: row.category,
    priceMinor: toNumber(row.price_minor),
    currency: row.currency,
    images: row.images ?? [],
    isActive: row.status === 'active',
    available: row.available,
    createdAt: row.created_at,
    priceSince: row.price_since,
    nameSince: row.name_since,
    listingVersion: row.listing_version,
    listedVersion: row.listed_version,
  };
}

function toListingRow(table: ListingTable, row: Row): ListingRow {
  const columns = Object.fromEntries(row.keys().map((column) => [column, toText(row.get(column))]));
  const sortKey: unknown = row.get(LISTING_KEYS[table]);
  return { table, listing: row.listing, productId: row.product_id.toString(), sortKey, columns };
}

function toText(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return value.toISOString();
  return Array.isArray(value) ? value.join(' ') : String(value);
}

function toOrder(row: Row): OrderFacts {
  return {
    id: row.order_id.toString(),
    userId: row.user_id?.toString(),
    requestHash: row.request_hash ?? undefined,
    status: row.status,
    version: row.version,
    lines: row.lines?.map(toLine),
    totalMinor: toNumber(row.total_minor ?? 0),
    currency: row.currency,
    address: row.address,
    expectedTotalMinor: row.expected_total_minor ? toNumber(row.expected_total_minor) : undefined,
    rejectionCode: row.rejection ? JSON.parse(row.rejection).code : undefined,
    createdAt: row.created_at ?? new Date(0),
    updatedAt: row.updated_at ?? new Date(0),
  };
}

function toOrderWithHistory(rows: readonly Row[]): OrderFacts {
  const history = rows.filter(({ seq }) => seq !== null).map(({ seq, event }) => ({ seq, status: event }));
  return { ...toOrder(rows[0] as Row), history };
}

function toListedOrder(table: string, row: Row): ListedOrder {
  return { ...toOrder(row), table, ...(row.day && { day: row.day.toString() }) };
}

function toLine(value: Row): OrderLine {
  return {
    productId: value.product_id.toString(),
    sku: value.sku,
    name: value.name,
    quantity: value.quantity,
    unitPriceMinor: toNumber(value.unit_price_minor),
  };
}

function toCart(row: Row): CartFacts {
  const toCartLines = (lines: readonly Row[] | null) =>
    (lines ?? []).map(({ product_id, quantity }) => ({ productId: product_id.toString(), quantity }));
  return {
    id: row.cart_id.toString(),
    updatedAt: row.updated_at,
    lines: toCartLines(row.lines),
    takes: (row.takes ?? []).map(({ order_id, lines }: Row) => ({
      orderId: order_id.toString(),
      lines: toCartLines(lines),
    })),
  };
}
