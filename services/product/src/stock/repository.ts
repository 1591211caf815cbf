import type { Database, Outcome, Row, Statement } from '#platform/cassandra/database.ts';
import { toLong, toNumber } from '#platform/cassandra/values.ts';
import { HEAD } from './head.ts';
import { reservationMismatch, stockContended } from './refusals.ts';
import { type Adjustment, type HoldState, type Line, MAX_UNITS, type StockLevel } from './stock.ts';

/** `held`, now or before; the state that an earlier hold of the order has reached; or, when too few, how many units there are. */
export type HoldResult = { readonly state: HoldState } | { readonly state: 'short'; readonly available: number };

/**
 * Each step applies to one product and one order, and has its effect once, however often and concurrently it is called: the operation row
 * sees to that. A step without an answer is repeated under the same row; if its outcome stays unknown it throws Unavailable, never a
 * failure. A quantity other than the hold's throws Conflict `reservation_mismatch` and changes nothing.
 */
export interface StockRepository {
  /** Takes `quantity` from what is available. A product that is no longer on sale is short with 0. */
  hold(orderId: string, line: Line): Promise<HoldResult>;
  /** Turns a hold into a sale; returns the state afterwards, undefined when nothing was ever held. */
  commit(orderId: string, line: Line): Promise<HoldState | undefined>;
  /** Releases a hold, or keeps a late one from being applied. Returns the state afterwards; a sale stays one. */
  release(orderId: string, line: Line): Promise<HoldState>;
  /** Returns a sale, or releases a hold; returns the state afterwards. */
  return(orderId: string, line: Line): Promise<HoldState>;
  /**
   * Adds `quantity` (may be negative) unless the stock would go below 0 or above MAX_UNITS. Applied or refused, it is bound to
   * `operationId` from then on. Returns the adjustment bound to it; undefined when the product is not on sale.
   */
  adjust(
    productId: string,
    operationId: string,
    quantity: number,
    reason: string,
  ): Promise<(Adjustment & { readonly isNew: boolean }) | undefined>;
  findAdjustment(productId: string, operationId: string): Promise<Adjustment | undefined>;
  /** The stock, and whether the listings show any; undefined when there is no such product. */
  findLevel(productId: string): Promise<(StockLevel & { inStock: boolean }) | undefined>;
}

const ATTEMPTS = 5;

// `column = column + ?` in a conditional UPDATE is undocumented: it takes only `+`, and each such statement needs its own IF. A contract
// test pins it. The quantity in the operation's condition keeps a caller with other lines from changing the head by a wrong amount.
const TAKE =
  'UPDATE products SET available = available + ?, reserved = reserved + ? WHERE product_id = ? AND op_id = ?';
const INSERT_HOLD =
  "INSERT INTO products (product_id, op_id, kind, quantity, state, at) VALUES (?, ?, 'hold', ?, ?, toTimestamp(now())) IF NOT EXISTS";
const INSERT_ADJUSTMENT = `INSERT INTO products (product_id, op_id, kind, quantity, reason, state, available, at)
  VALUES (?, ?, 'adjust', ?, ?, ?, ?, toTimestamp(now())) IF NOT EXISTS`;
const MOVE = 'UPDATE products SET state = ? WHERE product_id = ? AND op_id = ? IF state = ? AND quantity = ?';

export function createStockRepository(database: Database): StockRepository {
  async function findState(
    orderId: string,
    productId: string,
  ): Promise<{ state: HoldState; quantity: number } | undefined> {
    const [row] = await database.read(
      'stock.find_hold',
      'SELECT state, quantity FROM products WHERE product_id = ? AND op_id = ?',
      [productId, orderId],
      { serial: true },
    );
    return row?.state ? { state: row.state, quantity: row.quantity } : undefined;
  }

  async function hold(orderId: string, { productId, quantity }: Line): Promise<HoldResult> {
    const outcome = await database.conditional('stock.hold', [
      {
        query: `${TAKE} IF available >= ? AND status = 'active'`,
        params: [-quantity, quantity, productId, HEAD, quantity],
      },
      { query: INSERT_HOLD, params: [productId, orderId, quantity, 'held'] },
    ]);
    if (outcome.applied) return { state: 'held' };
    const operation = findRow(outcome, orderId);
    if (operation) {
      const found = { state: operation.state, quantity: operation.quantity };
      assertSameQuantity(found, orderId, { productId, quantity });
      return { state: found.state };
    }
    const head = findRow(outcome, HEAD);
    return { state: 'short', available: head?.status === 'active' ? head.available : 0 };
  }

  /** Moves a hold from one state to another together with the head; returns the state afterwards. */
  async function move(
    name: string,
    head: Statement,
    orderId: string,
    line: Line,
    from: HoldState,
    to: HoldState,
  ): Promise<HoldState | undefined> {
    const { productId, quantity } = line;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const outcome = await database.conditional(name, [
        head,
        { query: MOVE, params: [to, productId, orderId, from, quantity] },
      ]);
      if (outcome.applied) return to;
      const found = await findState(orderId, productId);
      if (found) assertSameQuantity(found, orderId, line);
      // If it is in the starting state after a refusal, it got there in between.
      if (found?.state !== from) return found?.state;
    }
    throw stockContended();
  }

  async function release(orderId: string, line: Line): Promise<HoldState> {
    const { productId, quantity } = line;
    const head = { query: `${TAKE} IF reserved >= ?`, params: [quantity, -quantity, productId, HEAD, quantity] };
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const state = await move('stock.release', head, orderId, line, 'held', 'released');
      if (state) return state;
      const marker = await database.conditional('stock.mark_released', [
        { query: INSERT_HOLD, params: [productId, orderId, 0, 'released'] },
      ]);
      if (marker.applied) return 'released';
    }
    throw stockContended();
  }

  return {
    hold,
    release,

    commit: (orderId, line) => {
      const { productId, quantity } = line;
      const head = {
        query:
          'UPDATE products SET reserved = reserved + ?, sold = sold + ? WHERE product_id = ? AND op_id = ? IF reserved >= ?',
        params: [-quantity, toLong(quantity), productId, HEAD, quantity],
      };
      return move('stock.commit', head, orderId, line, 'held', 'committed');
    },

    async return(orderId, line) {
      const { productId, quantity } = line;
      const head = {
        query:
          'UPDATE products SET sold = sold + ?, available = available + ? WHERE product_id = ? AND op_id = ? IF sold >= ?',
        params: [toLong(-quantity), quantity, productId, HEAD, toLong(quantity)],
      };
      for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
        const sale = await move('stock.return', head, orderId, line, 'committed', 'returned');
        if (sale === 'returned' || sale === 'released') return sale;
        const hold = await release(orderId, line);
        if (hold !== 'committed') return hold;
      }
      throw stockContended();
    },

    async adjust(productId, operationId, quantity, reason) {
      const operation = [productId, operationId, quantity, reason];
      const outcome = await database.conditional('stock.adjust', [
        {
          query: `UPDATE products SET available = available + ? WHERE product_id = ? AND op_id = ?
                  IF available >= ? AND available <= ? AND status = 'active'`,
          params: [quantity, productId, HEAD, -quantity, MAX_UNITS - quantity],
        },
        { query: INSERT_ADJUSTMENT, params: [...operation, 'applied', undefined] },
      ]);
      if (outcome.applied) return { quantity, reason, state: 'applied', available: undefined, isNew: true };
      const found = await findAdjustment(productId, operationId);
      if (found) return { ...found, isNew: outcome.uncertain };
      const head = findRow(outcome, HEAD);
      if (head?.status !== 'active') return undefined;
      // `available` is that of the refused batch; of two rows for one operation the first stands.
      const refusal = await database.conditional('stock.refuse_adjustment', [
        { query: INSERT_ADJUSTMENT, params: [...operation, 'refused', head.available] },
      ]);
      if (refusal.applied) return { quantity, reason, state: 'refused', available: head.available, isNew: true };
      const standing = await findAdjustment(productId, operationId);
      return standing && { ...standing, isNew: refusal.uncertain };
    },

    findAdjustment,
    findLevel,
  };

  async function findAdjustment(productId: string, operationId: string): Promise<Adjustment | undefined> {
    const [row] = await database.read(
      'stock.find_adjustment',
      'SELECT quantity, reason, state, available FROM products WHERE product_id = ? AND op_id = ?',
      [productId, operationId],
      { serial: true },
    );
    return (
      row && { quantity: row.quantity, reason: row.reason, state: row.state, available: row.available ?? undefined }
    );
  }

  async function findLevel(productId: string) {
    const [row] = await database.read(
      'stock.find_level',
      'SELECT available, reserved, sold, in_stock FROM products WHERE product_id = ? AND op_id = ?',
      [productId, HEAD],
    );
    if (!row || row.available === null) return undefined;
    return {
      available: row.available,
      reserved: row.reserved,
      sold: toNumber(row.sold),
      inStock: row.in_stock === true,
    };
  }
}

/** A released hold no longer counts, and the mark of a release has no quantity. */
function assertSameQuantity(found: { state: HoldState; quantity: number }, orderId: string, line: Line): void {
  if (found.state === 'released' || found.quantity === line.quantity) return;
  throw reservationMismatch(orderId, line, found.quantity);
}

/** The row of `operationId` in a refused batch, if there is one. */
function findRow(outcome: Outcome, operationId: string): Row | undefined {
  return outcome.applied ? undefined : outcome.rows.find((row) => row.op_id?.toString() === operationId);
}
