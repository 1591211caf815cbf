import { canReach, canTransition, isListed, type Order, type Status } from '../../../order/src/orders/order.ts';
import { type Category, listingsOf } from '../../../product/src/categories/category.ts';

export type CheckId =
  | 'I1'
  | 'I2'
  | 'I3'
  | 'I4'
  | 'I5'
  | 'I6'
  | 'listings'
  | 'skus'
  | 'order lists'
  | 'carts'
  | 'accounts';

/**
 * A broken promise about one thing, in words. With `since` it may be work in progress that began then, and counts only if that is long ago.
 */
export interface Fault {
  readonly check: CheckId;
  readonly sentence: string;
  readonly since?: Date;
}

const STATES: Readonly<Record<string, readonly string[]>> = {
  hold: ['held', 'committed', 'released', 'returned'],
  adjust: ['applied', 'refused'],
};
const SOLD: readonly Status[] = ['confirmed', 'processing', 'shipped', 'delivered'];
const UNDONE: readonly Status[] = ['cancelled', 'rejected'];

export interface Operation {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly quantity: number;
}

/** A product's stock: what its head says, and the sums of its operations. */
export interface StockFacts {
  readonly productId: string;
  readonly level: { readonly available: number; readonly reserved: number; readonly sold: number } | undefined;
  readonly operations: number;
  readonly adjusted: number;
  readonly held: number;
  readonly committed: number;
  /** An impossible operation, if there is one. */
  readonly oddity: string | undefined;
}

/** Adds an operation to the facts of a product, so that any number of them takes bounded memory. */
export function addOperation(facts: StockFacts, { id, kind, state, quantity }: Operation): StockFacts {
  const isKnown = STATES[kind]?.includes(state) && Number.isInteger(quantity) && (kind === 'adjust' || quantity >= 0);
  return {
    ...facts,
    operations: facts.operations + 1,
    adjusted: facts.adjusted + (state === 'applied' ? quantity : 0),
    held: facts.held + (state === 'held' ? quantity : 0),
    committed: facts.committed + (state === 'committed' ? quantity : 0),
    oddity: isKnown ? facts.oddity : `operation ${id} is a ${kind} of ${quantity} that is ${state}`,
  };
}

/** I2: available + reserved + sold is what was ever put in, reserved what is held and sold what was committed; none is negative. */
export function faultsOfStock({ productId, level, oddity, ...sums }: StockFacts): Fault[] {
  const fault = (sentence: string): Fault => ({ check: 'I2', sentence: `product ${productId}: ${sentence}` });
  if (!level) {
    const isEmpty = sums.adjusted === 0 && sums.held === 0 && sums.committed === 0;
    return isEmpty ? [] : [fault('has stock operations but no head row')];
  }
  const { available, reserved, sold } = level;
  const faults: Fault[] = [];
  const all = available + reserved + sold;
  if (Math.min(available, reserved, sold) < 0) {
    faults.push(fault(`available ${available}, reserved ${reserved}, sold ${sold}: one is negative`));
  }
  if (all !== sums.adjusted)
    faults.push(fault(`available + reserved + sold is ${all}, but ${sums.adjusted} were put in`));
  if (reserved !== sums.held) faults.push(fault(`reserved is ${reserved}, but its holds are ${sums.held}`));
  if (sold !== sums.committed) faults.push(fault(`sold is ${sold}, but its sales are ${sums.committed}`));
  if (oddity !== undefined) faults.push(fault(oddity));
  return faults;
}

export interface OrderFacts extends Order {
  readonly requestHash: string | undefined;
  readonly expectedTotalMinor: number | undefined;
  readonly rejectionCode: string | undefined;
  /** In the order of `seq`; missing if only the state was read. */
  readonly history?: readonly { readonly seq: number; readonly status: Status }[];
}

/** I1, as far as one order shows it: it has an owner, a request, and a history that leads to its status. */
export function faultsOfHistory({ id, userId, requestHash, status, version, history = [] }: OrderFacts): Fault[] {
  const fault = (sentence: string): Fault => ({ check: 'I1', sentence: `order ${id}: ${sentence}` });
  if (!userId || !requestHash || !status) return [fault('lacks its owner, its request or its status')];
  const [first] = history;
  const last = history.at(-1);
  if (first?.status !== 'pending' || first.seq !== 1) return [fault('its history does not begin with pending')];
  const faults: Fault[] = [];
  if (last?.status !== status) faults.push(fault(`is ${status}, but its history ends with ${last?.status}`));
  if (last && last.seq > version) faults.push(fault(`is at version ${version}, but its history at ${last.seq}`));
  for (const [index, { status: to }] of history.entries()) {
    const from = history[index - 1]?.status;
    if (from && !canTransition(from, to)) faults.push(fault(`went from ${from} to ${to}`));
  }
  return faults;
}

/** I3: the total is the sum of the lines, in integers, and what the shopper expected. */
export function faultsOfTotal({ id, lines, totalMinor, status, expectedTotalMinor }: OrderFacts): Fault[] {
  const fault = (sentence: string): Fault => ({ check: 'I3', sentence: `order ${id}: ${sentence}` });
  if (!lines) {
    if (SOLD.includes(status)) return [fault(`is ${status} and has no lines`)];
    return totalMinor === 0 ? [] : [fault(`has no lines but a total of ${totalMinor}`)];
  }
  const isCountable = lines.every(({ quantity, unitPriceMinor }) => quantity >= 1 && unitPriceMinor >= 0);
  const sum = lines.reduce((total, { quantity, unitPriceMinor }) => total + quantity * unitPriceMinor, 0);
  const faults: Fault[] = [];
  if (lines.length === 0 || !isCountable)
    faults.push(fault('has a line without a quantity or a price, or none at all'));
  if (sum !== totalMinor) faults.push(fault(`its total is ${totalMinor}, but its lines are ${sum}`));
  if (SOLD.includes(status) && expectedTotalMinor !== undefined && expectedTotalMinor !== totalMinor) {
    faults.push(fault(`its total is ${totalMinor}, but ${expectedTotalMinor} was expected`));
  }
  return faults;
}

/** I4 from the order's side: what it sold is committed, and what it released is back in stock. */
export function faultsOfLines(order: OrderFacts, holds: ReadonlyMap<string, Operation>): Fault[] {
  const { id, status, lines = [], updatedAt } = order;
  const fault = (sentence: string, since?: Date): Fault => ({
    check: 'I4',
    sentence: `order ${id} (${status}): ${sentence}`,
    ...(since && { since }),
  });
  return lines.flatMap(({ productId, quantity }) => {
    const hold = holds.get(productId);
    const found = hold ? `${hold.state} (${hold.quantity})` : 'not there';
    const said = `its ${quantity} of product ${productId} are ${found}`;
    if (SOLD.includes(status)) return hold?.state === 'committed' && hold.quantity === quantity ? [] : [fault(said)];
    if (status === 'rejected' && (hold?.state === 'held' || hold?.state === 'committed'))
      return [fault(said, updatedAt)];
    const isBack = hold?.state === 'released' || hold?.state === 'returned';
    return status === 'cancelled' && !isBack ? [fault(said, updatedAt)] : [];
  });
}

/** I4 from the stock's side: only an order that may hold or buy something does. */
export function faultsOfHold(productId: string, hold: Operation, order: OrderFacts | undefined): Fault[] {
  if (hold.kind !== 'hold' || (hold.state !== 'held' && hold.state !== 'committed')) return [];
  const of = `product ${productId}: ${hold.quantity} are ${hold.state}`;
  const fault = (sentence: string, since?: Date): Fault => ({
    check: 'I4',
    sentence: `${of} for order ${hold.id}, which ${sentence}`,
    ...(since && { since }),
  });
  if (!order) return [fault('does not exist')];
  const line = order.lines?.find((each) => each.productId === productId);
  if (!line || line.quantity !== hold.quantity) return [fault(`has ${line?.quantity ?? 'none'} of it`)];
  const { status } = order;
  if (UNDONE.includes(status)) return [fault(`is ${status}`, order.updatedAt)];
  if (hold.state === 'held') return status === 'pending' ? [] : [fault(`is ${status}`)];
  return status === 'pending' ? [fault('is pending', order.createdAt)] : [];
}

/** I5: no order stays undecided. */
export function faultsOfAge({ id, status, createdAt }: OrderFacts): Fault[] {
  if (status !== 'pending') return [];
  const sentence = `order ${id} has been pending since ${createdAt.toISOString()}`;
  return [{ check: 'I5', sentence, since: createdAt }];
}

/** A row of `orders_by_user` or `orders_by_day`. */
export interface ListedOrder extends Order {
  readonly table: string;
  /** Of the row in `orders_by_day`. */
  readonly day?: string;
}

/** The lists show the current state of every listed order, and nothing else. */
export function faultsOfOrderLists(order: OrderFacts, rows: readonly ListedOrder[]): Fault[] {
  if (!isListed(order)) return rows.flatMap((row) => faultsOfListedOrder(row, order));
  return ['orders_by_user', 'orders_by_day'].flatMap((table) => {
    const found = rows.filter((row) => row.table === table);
    if (found.length === 0) return [listFault(`order ${order.id} (${order.status}) is not in ${table}`, order)];
    return found.flatMap((row) => faultsOfListedOrder(row, order));
  });
}

export function faultsOfListedOrder(row: ListedOrder, order: OrderFacts | undefined): Fault[] {
  const what = `${row.table} shows order ${row.id}`;
  if (!order) return [listFault(`${what}, which does not exist`)];
  if (!isListed(order)) return [listFault(`${what}, which is ${order.status}`, order)];
  const isRightPlace =
    row.userId === order.userId &&
    row.createdAt.getTime() === order.createdAt.getTime() &&
    (row.day === undefined || row.day === order.createdAt.toISOString().slice(0, 10));
  if (!isRightPlace) return [listFault(`${what} for another user or time`, order)];
  const isSame =
    row.status === order.status &&
    row.version === order.version &&
    row.totalMinor === order.totalMinor &&
    JSON.stringify(row.lines) === JSON.stringify(order.lines);
  if (isSame) return [];
  const as = `${row.status}, version ${row.version}, total ${row.totalMinor}`;
  return [listFault(`${what} as ${as}; it is ${order.status}, ${order.version}, ${order.totalMinor}`, order)];
}

function listFault(sentence: string, order?: OrderFacts): Fault {
  return { check: 'order lists', sentence, ...(order && { since: order.updatedAt }) };
}

/** A product's head row, as far as the lists and the SKUs depend on it. */
export interface ProductFacts {
  readonly id: string;
  readonly sku: string;
  readonly name: string;
  readonly nameKey: string;
  readonly brand: string | undefined;
  readonly category: string;
  readonly priceMinor: number;
  readonly currency: string;
  readonly images: readonly string[];
  readonly isActive: boolean;
  readonly available: number;
  readonly createdAt: Date;
  readonly priceSince: Date;
  readonly nameSince: Date;
  readonly listingVersion: number;
  readonly listedVersion: number;
}

export const LISTINGS = ['listing_by_newest', 'listing_by_price', 'listing_by_name'] as const;
export type ListingTable = (typeof LISTINGS)[number];
export const LISTING_KEYS = {
  listing_by_newest: 'created_at',
  listing_by_price: 'price_minor',
  listing_by_name: 'name_key',
} as const;

/** A row of a listing, all its columns as text. */
export interface ListingRow {
  readonly table: ListingTable;
  readonly listing: string;
  readonly productId: string;
  /** As the driver returns it. */
  readonly sortKey: unknown;
  readonly columns: Readonly<Record<string, string>>;
}

/** Where a product belongs; undefined if its category isn't in the tree. */
export function listingsFor({ isActive, category }: ProductFacts, tree: ReadonlyMap<string, Category>) {
  if (!isActive) return [];
  const found = tree.get(category);
  return found && listingsOf(found);
}

/** Every active product is in each of its listings once, under its current keys and with its current data. */
export function faultsOfListings(
  product: ProductFacts,
  tree: ReadonlyMap<string, Category>,
  rows: readonly ListingRow[],
): Fault[] {
  const fault = (sentence: string): Fault => ({ check: 'listings', sentence: `product ${product.id}: ${sentence}` });
  const listings = listingsFor(product, tree);
  if (!listings) return [fault(`its category ${product.category} is not in the tree`)];
  const faults: Fault[] = [];
  if (product.listedVersion !== product.listingVersion) {
    faults.push(fault(`its listings are at version ${product.listedVersion}, but it is at ${product.listingVersion}`));
  }
  for (const table of LISTINGS) {
    for (const listing of listings) {
      const row = rows.find((each) => each.table === table && each.listing === listing);
      if (!row) faults.push(fault(`is not in ${listing} of ${table}`));
      else faults.push(...faultsOfListingRow(row, product, tree));
    }
  }
  return faults;
}

/** A row of a listing belongs to an active product, has the right place and shows its current data. */
export function faultsOfListingRow(
  row: ListingRow,
  product: ProductFacts | undefined,
  tree: ReadonlyMap<string, Category>,
): Fault[] {
  const where = `${row.table}, ${row.listing}: the row of product ${row.productId}`;
  const fault = (sentence: string): Fault[] => [{ check: 'listings', sentence: `${where} ${sentence}` }];
  if (!product) return fault('has no product');
  if (!product.isActive) return fault('is of a deleted product');
  if (!listingsFor(product, tree)?.includes(row.listing)) return fault(`is in a category that isn't the product's`);
  const expected = columnsOf(product, row.table);
  const key = LISTING_KEYS[row.table];
  if (row.columns[key] !== expected[key]) return fault(`stands at ${row.columns[key]} instead of ${expected[key]}`);
  const wrong = Object.entries(expected).filter(([column, value]) => (row.columns[column] ?? '') !== value);
  if (wrong.length === 0) return [];
  const [column = '', value] = wrong[0] ?? [];
  return fault(`says ${column} ${row.columns[column] || '(nothing)'} instead of ${value}`);
}

/** The columns of a product's row in `table`, all as text. */
function columnsOf(product: ProductFacts, table: ListingTable): Record<string, string> {
  const { sku, name, nameKey, brand = '', category, currency, images, createdAt } = product;
  return {
    sku,
    name,
    brand,
    category,
    price_minor: String(product.priceMinor),
    currency,
    images: images.join(' '),
    in_stock: String(product.available > 0),
    created_at: createdAt.toISOString(),
    ...(table === 'listing_by_price' && { placed_at: product.priceSince.toISOString() }),
    ...(table === 'listing_by_name' && { placed_at: product.nameSince.toISOString(), name_key: nameKey }),
  };
}

/** An active product's SKU is claimed by it and nobody else. */
export function faultsOfSku({ id, sku, isActive }: ProductFacts, claimedBy: string | undefined): Fault[] {
  if (!isActive || claimedBy === id) return [];
  return [{ check: 'skus', sentence: `product ${id}: its SKU ${sku} is claimed by ${claimedBy ?? 'nobody'}` }];
}

export interface CartFacts {
  readonly id: string;
  readonly updatedAt: Date;
  readonly lines: readonly CartLine[];
  readonly takes: readonly { readonly orderId: string; readonly lines: readonly CartLine[] }[];
}

export interface CartLine {
  readonly productId: string;
  readonly quantity: number;
}

/** A cart's lines are within their limits, and orders have what they took from it. */
export function faultsOfCart(
  cart: CartFacts,
  orders: ReadonlyMap<string, OrderFacts>,
  limits: { readonly lines: number; readonly quantity: number; readonly takes: number },
): Fault[] {
  const fault = (sentence: string, since?: Date): Fault => ({
    check: 'carts',
    sentence: `cart ${cart.id}: ${sentence}`,
    ...(since && { since }),
  });
  const faults: Fault[] = [];
  if (cart.lines.length > limits.lines) faults.push(fault(`has ${cart.lines.length} lines`));
  if (new Set(cart.lines.map(({ productId }) => productId)).size < cart.lines.length) {
    faults.push(fault('has a product twice'));
  }
  if (cart.lines.some(({ quantity }) => quantity < 1 || quantity > limits.quantity)) {
    faults.push(fault(`has a quantity that is not from 1 to ${limits.quantity}`));
  }
  const full = cart.takes.filter(({ lines }) => lines.length > 0);
  // Empty takes have a limit of their own, and any of the others may have been restored since.
  if (full.length > limits.takes || cart.takes.length > 2 * limits.takes) {
    faults.push(fault(`remembers ${cart.takes.length} takes, ${full.length} of them with lines`));
  }
  if (new Set(cart.takes.map(({ orderId }) => orderId)).size < cart.takes.length)
    faults.push(fault('remembers a take twice'));
  for (const { orderId, lines } of cart.takes) {
    const order = orders.get(orderId);
    const took = (sentence: string) =>
      fault(`order ${orderId} took ${lines.length} lines and ${sentence}`, order?.updatedAt);
    if (!order) faults.push(fault(`order ${orderId} took from it but does not exist`, cart.updatedAt));
    else if (order.userId !== cart.id)
      faults.push(fault(`order ${orderId} took from it but belongs to user ${order.userId}`));
    else if (isToBeRestored(order) && lines.length > 0) faults.push(took(`is ${order.status}: they were not put back`));
    else if (SOLD.includes(order.status) && !isSameLines(lines, order.lines ?? [])) {
      faults.push(took(`is ${order.status} with others`));
    }
  }
  return faults;
}

function isToBeRestored({ status, lines, rejectionCode }: OrderFacts): boolean {
  return (status === 'rejected' && rejectionCode !== 'cart_empty') || (status === 'cancelled' && !lines);
}

function isSameLines(left: readonly CartLine[], right: readonly CartLine[]): boolean {
  const toText = (lines: readonly CartLine[]) =>
    lines
      .map(({ productId, quantity }) => `${productId} ${quantity}`)
      .sort()
      .join();
  return toText(left) === toText(right);
}

/** An account's address is claimed by it, and its role and status exist. */
export function faultsOfAccount(
  account: { readonly id: string; readonly email: string; readonly role: string; readonly status: string },
  claimedBy: string | undefined,
): Fault[] {
  const fault = (sentence: string): Fault => ({ check: 'accounts', sentence: `user ${account.id}: ${sentence}` });
  const faults: Fault[] = [];
  if (claimedBy !== account.id) faults.push(fault(`its address is claimed by ${claimedBy ?? 'nobody'}`));
  if (!['user', 'admin'].includes(account.role)) faults.push(fault(`its role is ${account.role}`));
  if (!['active', 'disabled'].includes(account.status)) faults.push(fault(`its status is ${account.status}`));
  return faults;
}

/** An order that was acknowledged to a client. */
export interface Acknowledged {
  readonly key: string;
  readonly userId: string;
  readonly orderId: string;
  readonly status: Status;
  /** Minor units; means nothing if the order was still pending. */
  readonly total: number;
}

/** I1 and I6 of an acknowledged order: it exists with the same owner and total, and its status has only moved forward. */
export function faultsOfAcknowledged(told: Acknowledged, order: OrderFacts | undefined): Fault[] {
  const what = `order ${told.orderId} (key ${told.key})`;
  if (!order) return [{ check: 'I1', sentence: `${what} was acknowledged as ${told.status} but does not exist` }];
  const fault = (sentence: string): Fault => ({ check: 'I6', sentence: `${what} ${sentence}` });
  const faults: Fault[] = [];
  if (order.userId !== told.userId)
    faults.push(fault(`was acknowledged to ${told.userId} but belongs to ${order.userId}`));
  if (order.status !== told.status && !canReach(told.status, order.status)) {
    faults.push(fault(`was acknowledged as ${told.status} but is ${order.status}`));
  }
  if (told.status !== 'pending' && order.totalMinor !== told.total) {
    faults.push(fault(`was acknowledged at ${told.total} but is at ${order.totalMinor}`));
  }
  return faults;
}
