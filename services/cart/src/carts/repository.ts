import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, Outcome, Row } from '#platform/cassandra/database.ts';
import { toLong, toNumber } from '#platform/cassandra/values.ts';
import { outcomeUnknown } from '#platform/errors.ts';
import { createKeyedLimit } from '#platform/keyed-limit.ts';
import { type Cart, type CartLine, emptyCart, type Take } from './cart.ts';
import { cartBusy } from './refusals.ts';

/** Seconds that a cart lives after its last change. */
export const CART_TTL = 30 * 24 * 60 * 60;

const ATTEMPTS = 20;
const LONGEST_PAUSE_MS = 40;

export interface CartRepository {
  /** The cart as last written, in one read; undefined when there is none. */
  findCart(cartId: string): Promise<Cart | undefined>;
  /**
   * Writes what `decide` makes of the cart, if no one else has written it meanwhile; otherwise `decide` is asked again about the cart as
   * it is then, so it must have no effects of its own. Nothing is written when it gives the same cart back or throws. Resolves to the
   * decision, its cart as it was written.
   *
   * A change is made once or not at all. Throws Unavailable: `cart_busy`, nothing was written; `outcome_unknown` or
   * `database_unavailable`, the change was made at most once.
   */
  changeCart<Decision extends { readonly cart: Cart }>(
    cartId: string,
    decide: (cart: Cart) => Decision | Promise<Decision>,
  ): Promise<Decision>;
}

/** A cart and the id of the write that made it; none as long as it was never written. */
interface Kept {
  readonly cart: Cart;
  readonly writeId: string | undefined;
}

export function createCartRepository(database: Database): CartRepository {
  /** Writers of one cart queue here, and lose races only to other processes. */
  const oneAtATime = createKeyedLimit(1);

  async function readCart(cartId: string, options: { serial?: boolean } = {}): Promise<Kept | undefined> {
    const query =
      'SELECT cart_id, version, write_id, lines, takes, merges, merged_into, updated_at FROM carts WHERE cart_id = ?';
    const [row] = await database.read('cart.find', query, [cartId], options);
    return row && { cart: toCart(row), writeId: row.write_id.toString() };
  }

  /** Replaces `before` by `next`; true when it did, false when another writer was first. */
  async function replace(before: Kept, next: Cart): Promise<boolean> {
    const writeId = randomUUID();
    const { id, version, lines, takes, merges, mergedInto, updatedAt } = next;
    const contents = [lines.map(toLineValue), takes.map(toTakeValue), merges, mergedInto];
    const values = [version, writeId, ...contents, updatedAt];
    const statement =
      before.writeId === undefined
        ? {
            query: `INSERT INTO carts (cart_id, version, write_id, lines, takes, merges, merged_into, updated_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS USING TTL ${CART_TTL}`,
            params: [id, ...values],
          }
        : {
            query: `UPDATE carts USING TTL ${CART_TTL} SET version = ?, write_id = ?, lines = ?, takes = ?, merges = ?, merged_into = ?,
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
          const kept = await readCart(cartId, { serial: attempt > 1 });
          const before = kept ?? { cart: emptyCart(cartId, new Date()), writeId: undefined };
          const decision = await decide(before.cart);
          if (decision.cart === before.cart) return decision;
          const cart = { ...decision.cart, version: before.cart.version + 1, updatedAt: new Date() };
          if (await replace(before, cart)) return { ...decision, cart };
          await sleep(Math.random() * LONGEST_PAUSE_MS);
        }
        throw cartBusy();
      }),
  };
}

/**
 * Tells what a refusal means. Each version has one writer, so whoever made the version that we tried to make is known by its write id;
 * once the cart has moved past that version nobody can tell any more.
 */
function isOwnWork({ uncertain, rows }: Outcome & { applied: false }, version: number, writeId: string): boolean {
  if (!uncertain) return false;
  const [row] = rows;
  if (row?.version === version) return row.write_id.toString() === writeId;
  throw outcomeUnknown('cart');
}

/** An empty list is kept as null: the driver writes it so. */
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

/** Inside a frozen value there is no unset: what is missing is null. */
function toLineValue({ productId, sku, name, image, quantity, unitPriceMinor, currency }: CartLine) {
  const price = toLong(unitPriceMinor);
  return { product_id: productId, sku, name, image: image ?? null, quantity, unit_price_minor: price, currency };
}
