import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, Outcome, Row } from '#platform/cassandra/database.ts';
import { toLong, toNumber } from '#platform/cassandra/values.ts';
import { outcomeUnknown } from '#platform/errors.ts';
import { createKeyedLimit } from '#platform/keyed-limit.ts';
import { type Cart, type CartLine, emptyCart, type Take } from './cart.ts';
import { cartBusy } from './refusals.ts';

/** A cart lives for 30 days after its last change. */
export const CART_TTL_SECONDS = 30 * 24 * 60 * 60;

const ATTEMPTS = 20;
const MAX_PAUSE_MS = 40;

/** A decision with the cart as it is stored, and whether this change wrote it. */
export type CartChange<Decision> = Decision & { readonly cart: Cart; readonly changed: boolean };

export interface CartRepository {
  /** The cart as last written, in one read; undefined when there is none. */
  findCart(cartId: string): Promise<Cart | undefined>;
  /**
   * Writes the cart that `decide` returns, unless another writer has changed the cart meanwhile: then `decide` is called again with the
   * cart as it is by then, so it must have no effects of its own. Writes nothing when `decide` returns the same cart or throws.
   *
   * A change is made once or not at all. Throws Unavailable: `cart_busy`, nothing was written; `outcome_unknown` or
   * `database_unavailable`, the change was made at most once.
   */
  changeCart<Decision extends { readonly cart: Cart }>(
    cartId: string,
    decide: (cart: Cart) => Decision | Promise<Decision>,
  ): Promise<CartChange<Decision>>;
}

/** A cart and the id of the write that made it; undefined when it was never written. */
interface StoredCart {
  readonly cart: Cart;
  readonly writeId: string | undefined;
}

export function createCartRepository(database: Database, now: () => Date): CartRepository {
  /** Writers of one cart queue here, and lose races only to other processes. */
  const oneAtATime = createKeyedLimit(1);

  async function readCart(cartId: string, options: { serial?: boolean } = {}): Promise<StoredCart | undefined> {
    const query =
      'SELECT cart_id, version, write_id, lines, takes, merges, merged_into, updated_at FROM carts WHERE cart_id = ?';
    const [row] = await database.read('cart.find', query, [cartId], options);
    return row && { cart: toCart(row), writeId: row.write_id.toString() };
  }

  /** Replaces `before` with `next`; false when another writer was first. */
  async function replace(before: StoredCart, next: Cart): Promise<boolean> {
    const writeId = randomUUID();
    const { id, version, lines, takes, merges, mergedInto, updatedAt } = next;
    const contents = [lines.map(toLineValue), takes.map(toTakeValue), merges, mergedInto];
    const values = [version, writeId, ...contents, updatedAt];
    const statement =
      before.writeId === undefined
        ? {
            query: `INSERT INTO carts (cart_id, version, write_id, lines, takes, merges, merged_into, updated_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS USING TTL ${CART_TTL_SECONDS}`,
            params: [id, ...values],
          }
        : {
            query: `UPDATE carts USING TTL ${CART_TTL_SECONDS} SET version = ?, write_id = ?, lines = ?, takes = ?, merges = ?, merged_into = ?,
                      updated_at = ? WHERE cart_id = ? IF version = ? AND write_id = ?`,
            params: [...values, id, before.cart.version, before.writeId],
          };
    const outcome = await database.conditional('cart.replace', [statement]);
    return outcome.applied || isOwnWork(outcome, version, writeId);
  }

  return {
    findCart: async (cartId) => (await readCart(cartId))?.cart,

    changeCart: (cartId, decide) =>
      oneAtATime(cartId, async () => {
        for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
          const stored = await readCart(cartId, { serial: attempt > 1 });
          const before = stored ?? { cart: emptyCart(cartId, now()), writeId: undefined };
          const decision = await decide(before.cart);
          if (decision.cart === before.cart) return { ...decision, changed: false };
          const cart = { ...decision.cart, version: before.cart.version + 1, updatedAt: now() };
          if (await replace(before, cart)) return { ...decision, cart, changed: true };
          await sleep(Math.random() * MAX_PAUSE_MS);
        }
        throw cartBusy();
      }),
  };
}

/**
 * Whether a refused write was applied by an earlier attempt whose answer was lost. Each version has one writer, known by its write id;
 * once the cart has moved past the version that we tried to write, there is no telling: throws `outcome_unknown`.
 */
function isOwnWork({ uncertain, rows }: Outcome & { applied: false }, version: number, writeId: string): boolean {
  if (!uncertain) return false;
  const [row] = rows;
  if (row?.version === version) return row.write_id.toString() === writeId;
  throw outcomeUnknown('cart');
}

/** The driver stores an empty list as null. */
function toCart(row: Row): Cart {
  return {
    id: row.cart_id.toString(),
    version: row.version,
    lines: (row.lines ?? []).map(toLine),
    takes: (row.takes ?? []).map(toTake),
    merges: (row.merges ?? []).map(String),
    mergedInto: row.merged_into?.toString(),
    updatedAt: row.updated_at,
  };
}

function toTake({ order_id, lines }: Row): Take {
  return { orderId: order_id.toString(), lines: (lines ?? []).map(toLine) };
}

function toLine({ product_id, sku, name, image, quantity, unit_price_minor, currency }: Row): CartLine {
  return {
    productId: product_id.toString(),
    sku,
    name,
    image: image ?? undefined,
    quantity,
    unitPriceMinor: toNumber(unit_price_minor),
    currency,
  };
}

function toTakeValue({ orderId, lines }: Take) {
  return { order_id: orderId, lines: lines.map(toLineValue) };
}

/** A frozen value can't leave a field unset: a missing one is null. */
function toLineValue({ productId, sku, name, image, quantity, unitPriceMinor, currency }: CartLine) {
  const price = toLong(unitPriceMinor);
  return { product_id: productId, sku, name, image: image ?? null, quantity, unit_price_minor: price, currency };
}
