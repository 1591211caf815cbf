import { validationFailed } from '#platform/errors.ts';
import { cartFull, cartNotFound, insufficientStock } from './refusals.ts';

/** Per product. */
export const MAX_QUANTITY = 999;
/** Different products in a cart. */
export const MAX_LINES = 100;
/** Checkouts that a cart remembers; and as many more that found it empty. */
export const REMEMBERED_TAKES = 8;
/** Merged guests' carts that a cart remembers. */
export const REMEMBERED_MERGES = 100;

/** A product as it is sold now. */
export interface Offer {
  readonly productId: string;
  readonly sku: string;
  readonly name: string;
  readonly image: string | undefined;
  readonly priceMinor: number;
  readonly currency: string;
  readonly available: number;
}

/** A product in a cart, with its facts and price as of when the line was last written. */
export interface CartLine {
  readonly productId: string;
  readonly sku: string;
  readonly name: string;
  readonly image: string | undefined;
  readonly quantity: number;
  readonly unitPriceMinor: number;
  readonly currency: string;
}

/** What an order gets from the cart, each time it asks. */
export interface Take {
  readonly orderId: string;
  readonly lines: readonly CartLine[];
}

/** A cart as it is stored. The rules below return the very same object when nothing changes. */
export interface Cart {
  /** The user's id, or a hash of the guest's token. */
  readonly id: string;
  /** 0 before the first write. */
  readonly version: number;
  readonly lines: readonly CartLine[];
  /** Newest last. */
  readonly takes: readonly Take[];
  /** Ids of the guests' carts merged into this one, newest last. */
  readonly merges: readonly string[];
  /** The user that this guest's cart was given to: it is merged into no other cart, and its token no longer opens it. */
  readonly mergedInto: string | undefined;
  readonly updatedAt: Date;
}

/** The cart of an owner who has none: never written, or expired. */
export function emptyCart(id: string, now: Date): Cart {
  return { id, version: 0, lines: [], takes: [], merges: [], mergedInto: undefined, updatedAt: now };
}

/** Throws Conflict `cart_full` if the product would be one line too many. */
export function assertRoomFor(cart: Cart, productId: string): void {
  if (quantityOf(cart, productId) > 0 || cart.lines.length < MAX_LINES) return;
  throw cartFull(productId, MAX_LINES);
}

/**
 * Adds to the quantity in the cart, at the current price. Throws `validation_failed` at /quantity above 999, Conflict `cart_full` above
 * 100 lines, and Conflict `insufficient_stock` when the resulting quantity is more than is available.
 */
export function addItem(cart: Cart, offer: Offer, quantity: number): Cart {
  const current = quantityOf(cart, offer.productId);
  if (current + quantity > MAX_QUANTITY) {
    const detail = `At most ${MAX_QUANTITY} of one product; the cart already holds ${current}.`;
    throw validationFailed([{ pointer: '/quantity', detail }]);
  }
  return setItem(cart, offer, current + quantity);
}

/** Sets the quantity (1 or more), at the current price, whether the product is in the cart or not. Throws as `addItem`. */
export function setItem(cart: Cart, offer: Offer, quantity: number): Cart {
  const { productId, available } = offer;
  assertRoomFor(cart, productId);
  if (quantity > available) throw insufficientStock(productId, quantity, available);
  const line = toLine(offer, quantity);
  const lines =
    quantityOf(cart, productId) > 0
      ? cart.lines.map((other) => (other.productId === productId ? line : other))
      : [...cart.lines, line];
  return { ...cart, lines };
}

export function removeItem(cart: Cart, productId: string): Cart {
  if (quantityOf(cart, productId) === 0) return cart;
  return { ...cart, lines: cart.lines.filter((line) => line.productId !== productId) };
}

/** Removes all lines; takes and merges stay remembered. */
export function clearCart(cart: Cart): Cart {
  return cart.lines.length === 0 ? cart : { ...cart, lines: [] };
}

/**
 * Gives all lines to an order. The first answer stands: a repeated take returns the same lines, and leaves in the cart what was added
 * since. That is why the take of an empty cart is remembered too: repeated late, for an order that was refused as empty, it must not
 * take what was added since. After a restore the order never gets anything.
 */
export function takeLines(cart: Cart, orderId: string): { cart: Cart; lines: readonly CartLine[] } {
  const earlier = findTake(cart, orderId);
  if (earlier) return { cart, lines: earlier.lines };
  const { lines } = cart;
  return { cart: remember({ ...cart, lines: [] }, { orderId, lines }), lines };
}

/**
 * Puts back what the order took, beside what was added since; a repetition changes nothing. For an order that hasn't taken anything, a
 * take of nothing is remembered, which a late take then gets.
 */
export function restoreLines(cart: Cart, orderId: string): { cart: Cart; restored: boolean } {
  const take = findTake(cart, orderId);
  if (!take) return { cart: remember(cart, { orderId, lines: [] }), restored: false };
  if (take.lines.length === 0) return { cart, restored: false };
  const takes = cart.takes.map((other) => (other === take ? { orderId, lines: [] } : other));
  return { cart: { ...cart, lines: addLines(cart.lines, take.lines), takes }, restored: true };
}

/** A guest's cart is open from its first write until it is given to a user. */
export function isOpen({ version, mergedInto }: Cart): boolean {
  return version > 0 && mergedInto === undefined;
}

/** Closes a guest's cart for the user; one that isn't open stays as it is. It keeps its lines, so that a merge can be repeated. */
export function giveTo(guest: Cart, userId: string): Cart {
  return isOpen(guest) ? { ...guest, mergedInto: userId } : guest;
}

/**
 * Adds the lines of a closed guest's cart, once, and only to the cart of the user it was given to. Quantities are capped as in a restore.
 * Throws NotFound `cart_not_found` when there is no such cart, unless it was merged into this one before it expired.
 */
export function mergeCart(cart: Cart, guest: Cart): Cart {
  if (cart.merges.includes(guest.id)) return cart;
  if (guest.version === 0) throw cartNotFound();
  if (guest.mergedInto !== cart.id) return cart;
  const merges = [...cart.merges, guest.id].slice(-REMEMBERED_MERGES);
  return { ...cart, lines: addLines(cart.lines, guest.lines), merges };
}

/** Quantities add up, capped at 999; lines beyond the hundredth are left out. Lines in the cart keep their place and price. */
function addLines(lines: readonly CartLine[], more: readonly CartLine[]): CartLine[] {
  const byProduct = new Map(lines.map((line) => [line.productId, line]));
  for (const line of more) {
    const current = byProduct.get(line.productId);
    const quantity = Math.min(line.quantity + (current?.quantity ?? 0), MAX_QUANTITY);
    if (current || byProduct.size < MAX_LINES) byProduct.set(line.productId, { ...(current ?? line), quantity });
  }
  return [...byProduct.values()];
}

/** Takes of nothing are counted apart: refused checkouts of an empty cart don't push out a take that holds lines. */
function remember(cart: Cart, take: Take): Cart {
  const takes = [...cart.takes, take];
  const full = takes.filter(({ lines }) => lines.length > 0).slice(-REMEMBERED_TAKES);
  const empty = takes.filter(({ lines }) => lines.length === 0).slice(-REMEMBERED_TAKES);
  return { ...cart, takes: takes.filter((each) => full.includes(each) || empty.includes(each)) };
}

function findTake(cart: Cart, orderId: string): Take | undefined {
  return cart.takes.find((take) => take.orderId === orderId);
}

function quantityOf(cart: Cart, productId: string): number {
  return cart.lines.find((line) => line.productId === productId)?.quantity ?? 0;
}

function toLine({ productId, sku, name, image, priceMinor, currency }: Offer, quantity: number): CartLine {
  return { productId, sku, name, image, quantity, unitPriceMinor: priceMinor, currency };
}
