import { validationFailed } from '#platform/errors.ts';
import { cartFull, cartNotFound, insufficientStock } from './refusals.ts';

/** Most pieces of one product. */
export const MAX_QUANTITY = 999;
/** Most different products. */
export const MAX_LINES = 100;
/** How many checkouts a cart remembers, and how many that found it empty. */
export const REMEMBERED_TAKES = 8;
/** How many guests' carts a cart remembers that came into it. */
export const REMEMBERED_MERGES = 100;

/** What the shop says of a product today. */
export interface Offer {
  readonly productId: string;
  readonly sku: string;
  readonly name: string;
  readonly image: string | undefined;
  readonly priceMinor: number;
  readonly currency: string;
  readonly available: number;
}

/** A product in a cart, with its facts and its price as they were when the line was last written. */
export interface CartLine {
  readonly productId: string;
  readonly sku: string;
  readonly name: string;
  readonly image: string | undefined;
  readonly quantity: number;
  readonly unitPriceMinor: number;
  readonly currency: string;
}

/** The answer that a checkout got, or gets should it still ask. */
export interface Take {
  readonly orderId: string;
  readonly lines: readonly CartLine[];
}

/** A cart as it is kept. The rules below give the very same object back when nothing changes. */
export interface Cart {
  /** The user's id, or a hash of the guest's token. */
  readonly id: string;
  /** 0 until it is first written. */
  readonly version: number;
  readonly lines: readonly CartLine[];
  /** The last takes, newest last. */
  readonly takes: readonly Take[];
  /** The guests' carts that came into it last, newest last. */
  readonly merges: readonly string[];
  /** The user who has got this guest's cart: nobody else gets it, and its token doesn't open it any more. */
  readonly mergedInto: string | undefined;
  readonly updatedAt: Date;
}

/** The cart of someone who has none: never written, or left alone for 30 days. */
export function emptyCart(id: string, now: Date): Cart {
  return { id, version: 0, lines: [], takes: [], merges: [], mergedInto: undefined, updatedAt: now };
}

/** Throws Conflict `cart_full` when the product would be one line too many. */
export function assertRoomFor(cart: Cart, productId: string): void {
  if (quantityOf(cart, productId) > 0 || cart.lines.length < MAX_LINES) return;
  throw cartFull(productId, MAX_LINES);
}

/**
 * Adds to what is there, at today's price. Throws `validation_failed` at /quantity over 999 pieces, Conflict `cart_full` over 100 lines
 * and Conflict `insufficient_stock` when all the pieces together are more than there are.
 */
export function addItem(cart: Cart, offer: Offer, quantity: number): Cart {
  const there = quantityOf(cart, offer.productId);
  if (there + quantity > MAX_QUANTITY) {
    const detail = `At most ${MAX_QUANTITY} of one product; the cart holds ${there} already.`;
    throw validationFailed([{ pointer: '/quantity', detail }]);
  }
  return setItem(cart, offer, there + quantity);
}

/** Makes it `quantity` pieces (1 or more) at today's price, whatever was there. Throws as `addItem`. */
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

/** Takes everything out; the takes stay remembered. */
export function clearCart(cart: Cart): Cart {
  return cart.lines.length === 0 ? cart : { ...cart, lines: [] };
}

/**
 * Gives the whole cart to an order. The first answer stands: asked again, the order gets the same lines, and what was put into the cart
 * since then stays there. That is why an empty cart remembers the take as well: a late repetition for an order that was refused as
 * empty must not carry off what came later. After a restore the order gets nothing, ever.
 */
export function takeLines(cart: Cart, orderId: string): { cart: Cart; lines: readonly CartLine[] } {
  const earlier = findTake(cart, orderId);
  if (earlier) return { cart, lines: earlier.lines };
  const { lines } = cart;
  return { cart: remember({ ...cart, lines: [] }, { orderId, lines }), lines };
}

/**
 * Puts back what the order took, beside what has come in since: once, however often it is asked. An order that hasn't taken anything is
 * remembered as one that gets nothing, so that its take, should it come late, finds nothing.
 */
export function restoreLines(cart: Cart, orderId: string): { cart: Cart; restored: boolean } {
  const take = findTake(cart, orderId);
  if (!take) return { cart: remember(cart, { orderId, lines: [] }), restored: false };
  if (take.lines.length === 0) return { cart, restored: false };
  const takes = cart.takes.map((other) => (other === take ? { orderId, lines: [] } : other));
  return { cart: { ...cart, lines: addLines(cart.lines, take.lines), takes }, restored: true };
}

/** A guest's cart is open as long as it is there and no user has got it. */
export function isOpen({ version, mergedInto }: Cart): boolean {
  return version > 0 && mergedInto === undefined;
}

/** Closes a guest's cart for the user; one that isn't open stays as it is. Its lines stay in it, so that a merge can be repeated. */
export function giveTo(guest: Cart, userId: string): Cart {
  return isOpen(guest) ? { ...guest, mergedInto: userId } : guest;
}

/**
 * Adds what was in a guest's cart that has been given away: once, and only to whom it was given. Quantities are capped as in a restore.
 * Throws NotFound `cart_not_found` when there is no such cart and never was one that came in here.
 */
export function mergeCart(cart: Cart, guest: Cart): Cart {
  if (cart.merges.includes(guest.id)) return cart;
  if (guest.version === 0) throw cartNotFound();
  if (guest.mergedInto !== cart.id) return cart;
  const merges = [...cart.merges, guest.id].slice(-REMEMBERED_MERGES);
  return { ...cart, lines: addLines(cart.lines, guest.lines), merges };
}

/** Quantities add up, capped at 999; lines beyond the hundredth are left out. What is there keeps its place and its price. */
function addLines(lines: readonly CartLine[], more: readonly CartLine[]): CartLine[] {
  const byProduct = new Map(lines.map((line) => [line.productId, line]));
  for (const line of more) {
    const there = byProduct.get(line.productId);
    const quantity = Math.min(line.quantity + (there?.quantity ?? 0), MAX_QUANTITY);
    if (there || byProduct.size < MAX_LINES) byProduct.set(line.productId, { ...(there ?? line), quantity });
  }
  return [...byProduct.values()];
}

/** Takes of nothing are counted by themselves: a few refused checkouts of an empty cart don't push out the one that holds its lines. */
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
