import { cartChanged, cartEmpty, invalidTransition, productUnavailable } from './refusals.ts';

export const STATUSES = [
  'pending',
  'confirmed',
  'processing',
  'shipped',
  'delivered',
  'cancelled',
  'rejected',
] as const;
export type Status = (typeof STATUSES)[number];

const TRANSITIONS: Readonly<Record<Status, readonly Status[]>> = {
  pending: ['confirmed', 'rejected', 'cancelled'],
  confirmed: ['processing', 'cancelled'],
  processing: ['shipped', 'cancelled'],
  shipped: ['delivered'],
  delivered: [],
  cancelled: [],
  rejected: [],
};

/** Only the checkout, by whether there is enough stock; never a person. */
const DECIDED_BY_CHECKOUT: readonly Status[] = ['confirmed', 'rejected'];

export interface OrderLine {
  readonly productId: string;
  readonly sku: string;
  readonly name: string;
  readonly quantity: number;
  readonly unitPriceMinor: number;
}

export interface Address {
  readonly name: string;
  readonly line1: string;
  readonly line2?: string | undefined;
  readonly city: string;
  readonly postalCode: string;
  readonly country: string;
}

export interface HistoryEntry {
  readonly status: Status;
  readonly at: Date;
  /** A user's id, or 'system'. */
  readonly actor: string;
  readonly reason?: string | undefined;
}

/** Why an order could not be placed: the refusal as it was given, to be repeated. */
export interface Rejection {
  readonly code: string;
  readonly detail: string;
  readonly extensions: Readonly<Record<string, unknown>>;
}

export interface Order {
  readonly id: string;
  readonly userId: string;
  readonly status: Status;
  readonly version: number;
  /** Undefined until they are priced; from then on the order alone defines what is bought. */
  readonly lines: readonly OrderLine[] | undefined;
  readonly totalMinor: number;
  readonly currency: string;
  readonly address: Address;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** An order with everything in its partition. */
export interface OrderRecord extends Order {
  /** SHA-256 of the canonical JSON of the request that placed it. */
  readonly requestHash: string;
  readonly expectedTotalMinor: number | undefined;
  readonly rejection: Rejection | undefined;
  readonly history: readonly HistoryEntry[];
}

/** A product as the catalogue has it now. */
export interface Offer {
  readonly productId: string;
  readonly sku: string;
  readonly name: string;
  readonly priceMinor: number;
}

export interface CartLine {
  readonly productId: string;
  readonly quantity: number;
}

export interface PricedLines {
  readonly lines: readonly OrderLine[];
  readonly totalMinor: number;
}

/**
 * Turns the cart's lines into order lines at current prices. Throws Conflict `cart_empty`, `product_unavailable` naming the products, or
 * `cart_changed` with the new total when the shopper expected another one (minor units).
 */
export function priceLines(
  cart: readonly CartLine[],
  offers: readonly Offer[],
  currency: string,
  expectedTotalMinor: number | undefined,
): PricedLines {
  if (cart.length === 0) throw cartEmpty();
  const byId = new Map(offers.map((offer) => [offer.productId, offer]));
  const missing = cart.filter(({ productId }) => !byId.has(productId)).map(({ productId }) => ({ productId }));
  if (missing.length > 0) throw productUnavailable(missing);
  const lines = cart.map(({ productId, quantity }) => {
    const { sku, name, priceMinor } = byId.get(productId) as Offer;
    return { productId, sku, name, quantity, unitPriceMinor: priceMinor };
  });
  const totalMinor = lines.reduce((sum, { quantity, unitPriceMinor }) => sum + quantity * unitPriceMinor, 0);
  if (expectedTotalMinor !== undefined && expectedTotalMinor !== totalMinor) {
    throw cartChanged(totalMinor, currency);
  }
  return { lines, totalMinor };
}

export function canTransition(from: Status, to: Status): boolean {
  return TRANSITIONS[from].includes(to);
}

/** Whether an order in `from` can still become `to`, directly or through other statuses. */
export function canReach(from: Status, to: Status): boolean {
  return TRANSITIONS[from].some((next) => next === to || canReach(next, to));
}

/** The statuses that a person may give an order in `status`. */
export function allowedTransitions(status: Status): Status[] {
  return TRANSITIONS[status].filter((next) => !DECIDED_BY_CHECKOUT.includes(next));
}

/** Throws Conflict `invalid_transition`, which lists what is allowed, unless a person may change the order to `to`. */
export function assertMayBecome({ status }: Order, to: Status): void {
  const allowed = allowedTransitions(status);
  if (allowed.includes(to)) return;
  throw invalidTransition(status, to, allowed);
}

/** Lists show orders that were confirmed, or cancelled once they had lines; not rejected ones, nor pending ones, which may become so. */
export function isListed({ status, lines }: Order): boolean {
  return lines !== undefined && status !== 'pending' && status !== 'rejected';
}
