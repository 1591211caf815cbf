import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import { MAX_LINES, MAX_QUANTITY, REMEMBERED_TAKES } from '../../../cart/src/carts/cart.ts';
import { isListed } from '../../../order/src/orders/order.ts';
import { ALL, type Category } from '../../../product/src/categories/category.ts';
import { readJournal } from './journal.ts';
import { createReader, type Hold, type ProductPartition, type Reader, type ReaderOptions } from './reader.ts';
import {
  type Acknowledged,
  type CartFacts,
  type CheckId,
  type Fault,
  faultsOfAccount,
  faultsOfAcknowledged,
  faultsOfAge,
  faultsOfCart,
  faultsOfHistory,
  faultsOfHold,
  faultsOfLines,
  faultsOfListedOrder,
  faultsOfListingRow,
  faultsOfListings,
  faultsOfOrderLists,
  faultsOfSku,
  faultsOfStock,
  faultsOfTotal,
  LISTINGS,
  type ListedOrder,
  type ListingRow,
  listingsFor,
  type OrderFacts,
  type ProductFacts,
} from './rules.ts';

export interface AuditOptions extends ReaderOptions {
  /** Seconds that work in progress may take; 60 by default. */
  readonly graceSeconds?: number;
  /** File of what clients were told; see journal.ts. */
  readonly journal?: string | undefined;
  /** Checks every product's listings and every row of them, not a sample. */
  readonly full?: boolean;
  /** ms before each time that something suspicious is read again, while the store keeps running. */
  readonly recheckDelays?: readonly number[];
  /** Gets what is being read, and how many so far. */
  onProgress?(what: string, looked: number): void;
}

export interface Check {
  readonly id: CheckId;
  readonly claim: string;
  /** How many things were checked. */
  readonly looked: number;
  /** One sentence for each broken one, at most 20. */
  readonly violations: readonly string[];
  /** All of them. */
  readonly violationCount: number;
}

export interface AuditReport {
  readonly checks: readonly Check[];
}

const CLAIMS: Readonly<Record<CheckId, string>> = {
  I1: 'Every order is complete, every acknowledged one exists, no key has two',
  I2: 'Stock adds up: available + reserved + sold = put in, and matches its holds and sales',
  I3: "An order's total is the sum of its lines",
  I4: 'What is held or sold belongs to an order that may have it; what was released is back',
  I5: 'No order is left undecided',
  I6: 'Its owner reads what was acknowledged',
  listings: 'Every product is in its listings with its current data, and nothing else is',
  skus: 'Every SKU is claimed by its product',
  'order lists': 'The lists of orders show their current state, and nothing else',
  carts: 'Carts are within their limits; orders have what they took from them',
  accounts: "Every user's address is claimed by that user",
};

const NAMED = 20;
const SAMPLED_PRODUCTS = 1000;
const SAMPLED_ROWS = 20;
const READS_AT_ONCE = 32;
/** Suspects that are read again at the same time; the scan waits for them. */
const SUSPECTS_AT_ONCE = 64;
const RECHECK_DELAYS = [500, 1500, 3000];
const CART_LIMITS = { lines: MAX_LINES, quantity: MAX_QUANTITY, takes: REMEMBERED_TAKES };

/**
 * Reads the whole store and checks the invariants. The store may be running: whatever seems wrong is read again, after every earlier
 * conditional write, and counts only if it stays wrong. Writes nothing. Throws the driver's errors when it can't read.
 */
export async function auditStore(options: AuditOptions): Promise<AuditReport> {
  const reader = await createReader(options);
  try {
    return await createAudit(reader, options).run();
  } finally {
    await reader.close();
  }
}

function createAudit(reader: Reader, options: AuditOptions) {
  const { graceSeconds = 60, full = false, recheckDelays = RECHECK_DELAYS, onProgress = () => {} } = options;
  const looked = new Map<CheckId, number>();
  const broken = new Map<CheckId, { count: number; sentences: Set<string> }>();
  const limitReads = pLimit(READS_AT_ONCE);
  const suspects = new Set<Promise<void>>();
  /** The first failure to read a suspect again; thrown by what waits for the suspects. */
  let failure: unknown;
  let tree: ReadonlyMap<string, Category> = new Map();

  function count(what: string, amount: number, ...checks: readonly CheckId[]): void {
    for (const check of checks) looked.set(check, (looked.get(check) ?? 0) + amount);
    onProgress(what, looked.get(checks[0] as CheckId) ?? 0);
  }

  function standing(faults: readonly Fault[]): readonly Fault[] {
    return faults.filter(({ since }) => !since || Date.now() - since.getTime() > graceSeconds * 1000);
  }

  function report(faults: readonly Fault[]): void {
    for (const { check, sentence } of faults) {
      const found = broken.get(check) ?? { count: 0, sentences: new Set() };
      if (found.sentences.has(sentence)) continue;
      found.count += 1;
      if (found.sentences.size < NAMED) found.sentences.add(sentence);
      broken.set(check, found);
    }
  }

  /** Reads whatever seems wrong again before it counts, unless enough of its kind are already known. */
  async function judge(first: readonly Fault[], again: () => Promise<Fault[]>): Promise<void> {
    if (failure) throw failure;
    const faults = standing(first);
    if (faults.length === 0) return;
    if (faults.every(({ check }) => (broken.get(check)?.count ?? 0) >= NAMED)) return report(faults);
    while (suspects.size >= SUSPECTS_AT_ONCE) await Promise.race(suspects);
    const checks = new Set(faults.map(({ check }) => check));
    const settled = confirm(async () => (await again()).filter(({ check }) => checks.has(check)))
      .then(report, (error: unknown) => {
        failure ??= error;
      })
      .finally(() => suspects.delete(settled));
    suspects.add(settled);
  }

  async function confirm(again: () => Promise<Fault[]>): Promise<readonly Fault[]> {
    let faults: readonly Fault[] = [];
    for (const delay of recheckDelays) {
      await sleep(delay);
      faults = standing(await again());
      if (faults.length === 0) break;
    }
    return faults;
  }

  async function forEach<Item>(items: Iterable<Item>, look: (item: Item) => Promise<void>): Promise<void> {
    await Promise.all([...items].map((item) => limitReads(look, item)));
  }

  async function auditProducts(): Promise<void> {
    const sample: ProductFacts[] = [];
    let seen = 0;
    for await (const { partitions, holds } of reader.scanProducts()) {
      count('products', partitions.length, 'I2');
      await forEach(partitions, lookAtStock);
      await lookAtHolds(holds);
      const products = partitions.flatMap(({ product }) => product ?? []);
      if (full) await lookAtCatalogue(products);
      for (const product of full ? [] : products) {
        // Every product has the same chance to be in the sample, however many there are (Vitter's algorithm R).
        seen += 1;
        const place = sample.length < SAMPLED_PRODUCTS ? sample.length : Math.floor(Math.random() * seen);
        if (place < SAMPLED_PRODUCTS) sample[place] = product;
      }
    }
    await lookAtCatalogue(sample);
  }

  function lookAtStock({ stock }: ProductPartition): Promise<void> {
    const again = async () => faultsOfStock((await reader.findProductPartition(stock.productId)).stock);
    return judge(faultsOfStock(stock), again);
  }

  async function lookAtHolds(holds: readonly Hold[]): Promise<void> {
    const orders = await reader.findOrders(holds.map(({ operation }) => operation.id));
    count('holds', holds.length, 'I4');
    for (const { productId, operation } of holds) {
      await judge(faultsOfHold(productId, operation, orders.get(operation.id)), async () => {
        const hold = (await reader.findHolds(operation.id, [productId], true)).get(productId);
        return hold ? faultsOfHold(productId, hold, await reader.findLatestOrder(hold.id)) : [];
      });
    }
  }

  async function lookAtCatalogue(products: readonly ProductFacts[]): Promise<void> {
    count('listed products', products.length, 'listings', 'skus');
    const claims = await reader.findClaims(products.map(({ sku }) => sku));
    await forEach(products, async (product) => {
      const first = await listingFaults(product);
      const sku = faultsOfSku(product, claims.get(product.sku));
      await judge([...first, ...sku], async () => {
        const { product: latest } = await reader.findProductPartition(product.id);
        if (!latest) return [];
        const claimed = await reader.findClaims([latest.sku]);
        return [...(await listingFaults(latest)), ...faultsOfSku(latest, claimed.get(latest.sku))];
      });
    });
  }

  async function listingFaults(product: ProductFacts): Promise<Fault[]> {
    const listings = listingsFor(product, tree) ?? [];
    const rows = listings.length > 0 ? await reader.readListingRows(product, listings) : [];
    return faultsOfListings(product, tree, rows);
  }

  async function auditListings(): Promise<void> {
    for (const table of LISTINGS) {
      if (full) {
        for await (const rows of reader.scanListing(table)) await lookAtListingRows(rows);
      } else {
        await forEach([ALL, ...tree.keys()], async (listing) => {
          await lookAtListingRows(await reader.readListing(table, listing, SAMPLED_ROWS));
        });
      }
    }
  }

  async function lookAtListingRows(rows: readonly ListingRow[]): Promise<void> {
    const products = await reader.findProducts(rows.map(({ productId }) => productId));
    count('listing rows', rows.length, 'listings');
    for (const row of rows) {
      await judge(faultsOfListingRow(row, products.get(row.productId), tree), async () => {
        const { product } = await reader.findProductPartition(row.productId);
        const now = await reader.findListingRow(row);
        return now ? faultsOfListingRow(now, product, tree) : [];
      });
    }
  }

  async function auditOrders(): Promise<void> {
    for await (const orders of reader.scanOrders()) {
      count('orders', orders.length, 'I1', 'I3', 'I4', 'I5', 'order lists');
      await forEach(orders, async (order) => {
        await judge(await orderFaults(order, false), async () => {
          const latest = await reader.findLatestOrder(order.id);
          return latest ? orderFaults(latest, true) : [];
        });
      });
    }
    for (const table of ['orders_by_user', 'orders_by_day'] as const) {
      for await (const rows of reader.scanOrderLists(table)) await lookAtListedOrders(rows);
    }
  }

  async function orderFaults(order: OrderFacts, latest: boolean): Promise<Fault[]> {
    const whole = faultsOfHistory(order);
    if (whole.length > 0) return whole;
    const productIds = (order.lines ?? []).map(({ productId }) => productId);
    const [holds, rows] = await Promise.all([
      reader.findHolds(order.id, productIds, latest),
      reader.findListedOrder(order),
    ]);
    return [
      ...faultsOfTotal(order),
      ...faultsOfLines(order, holds),
      ...faultsOfAge(order),
      ...faultsOfOrderLists(order, rows),
    ];
  }

  async function lookAtListedOrders(rows: readonly ListedOrder[]): Promise<void> {
    const orders = await reader.findOrders(rows.map(({ id }) => id));
    count('listed orders', rows.length, 'order lists');
    for (const row of rows) {
      await judge(faultsOfListedOrder(row, orders.get(row.id)), async () => {
        const [order, shown] = await Promise.all([reader.findLatestOrder(row.id), reader.findListedOrder(row)]);
        const now = shown.find(({ table }) => table === row.table);
        return now ? faultsOfListedOrder(now, order) : [];
      });
    }
  }

  async function auditCarts(): Promise<void> {
    for await (const carts of reader.scanCarts()) {
      count('carts', carts.length, 'carts');
      const orders = await reader.findOrders(carts.flatMap(orderIdsOf));
      await forEach(carts, (cart) =>
        judge(faultsOfCart(cart, orders, CART_LIMITS), async () => {
          const latest = await reader.findCart(cart.id);
          return latest ? faultsOfCart(latest, await reader.findOrders(orderIdsOf(latest)), CART_LIMITS) : [];
        }),
      );
    }
  }

  async function auditAccounts(): Promise<void> {
    for await (const accounts of reader.scanAccounts()) {
      count('accounts', accounts.length, 'accounts');
      const claims = await reader.findAccountClaims(accounts.map(({ email }) => email));
      for (const account of accounts) {
        await judge(faultsOfAccount(account, claims.get(account.email)), async () =>
          faultsOfAccount(account, (await reader.findAccountClaims([account.email])).get(account.email)),
        );
      }
    }
  }

  async function auditJournal(file: string): Promise<void> {
    const byKey = new Map<string, string>();
    let piece: Acknowledged[] = [];
    for await (const told of readJournal(file)) {
      const key = `${told.userId} ${told.key}`;
      const known = byKey.get(key);
      if (known !== undefined && known !== told.orderId) {
        report([{ check: 'I1', sentence: `key ${told.key} of user ${told.userId} has ${known} and ${told.orderId}` }]);
      }
      byKey.set(key, told.orderId);
      piece.push(told);
      if (piece.length === READS_AT_ONCE) {
        await lookAtAcknowledged(piece);
        piece = [];
      }
    }
    await lookAtAcknowledged(piece);
  }

  async function lookAtAcknowledged(piece: readonly Acknowledged[]): Promise<void> {
    count('acknowledged orders', piece.length, 'I6', 'I1');
    const orders = await reader.findOrders(piece.map(({ orderId }) => orderId));
    await forEach(piece, async (told) => {
      await judge(await acknowledgedFaults(told, orders.get(told.orderId)), async () =>
        acknowledgedFaults(told, await reader.findLatestOrder(told.orderId)),
      );
    });
  }

  /** The owner must also see it in the list. */
  async function acknowledgedFaults(told: Acknowledged, order: OrderFacts | undefined): Promise<Fault[]> {
    const faults = faultsOfAcknowledged(told, order);
    if (!order || !isListed(order) || faults.length > 0) return faults;
    const shown = (await reader.findListedOrder(order)).some(({ table }) => table === 'orders_by_user');
    if (shown) return [];
    return [{ check: 'I6', sentence: `order ${order.id} is not in its owner's list`, since: order.updatedAt }];
  }

  async function run(): Promise<AuditReport> {
    tree = await reader.readTree();
    await auditProducts();
    await auditListings();
    await auditOrders();
    await auditCarts();
    await auditAccounts();
    if (options.journal !== undefined) await auditJournal(options.journal);
    await Promise.all(suspects);
    if (failure) throw failure;
    const ids = Object.keys(CLAIMS) as CheckId[];
    return {
      checks: ids.map((id) => ({
        id,
        claim: CLAIMS[id],
        looked: looked.get(id) ?? 0,
        violations: [...(broken.get(id)?.sentences ?? [])],
        violationCount: broken.get(id)?.count ?? 0,
      })),
    };
  }

  return { run };
}

function orderIdsOf({ takes }: CartFacts): string[] {
  return takes.map(({ orderId }) => orderId);
}
