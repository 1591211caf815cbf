import type { Cart, CartLine, Offer } from './cart.ts';

/** Offers by product id; a product that is no longer sold is absent. */
export type Offers = ReadonlyMap<string, Offer>;

/** A line at the current price. */
export interface PricedLine extends CartLine {
  readonly lineTotalMinor: number;
  readonly available: number;
}

export type Warning =
  | { readonly code: 'unavailable'; readonly productId: string }
  | { readonly code: 'low_stock'; readonly productId: string; readonly available: number }
  | {
      readonly code: 'price_changed';
      readonly productId: string;
      readonly previousMinor: number;
      readonly currentMinor: number;
      readonly currency: string;
    };

/** A cart as it is shown: at current prices, with warnings of what has changed since its lines were written. */
export interface PricedCart {
  readonly id: string;
  readonly lines: readonly PricedLine[];
  /** Sum of the quantities of all lines. */
  readonly itemCount: number;
  /** Sum of all lines, as in an order; the warnings say which can't be bought. */
  readonly totalMinor: number;
  readonly currency: string;
  readonly warnings: readonly Warning[];
  readonly version: number;
  readonly updatedAt: Date;
}

/**
 * Prices `cart` by `offers`, which must hold every product of it that is still sold. A line whose product is gone is shown as last
 * written, with 0 available.
 */
export function priceCart(cart: Cart, offers: Offers, currency: string): PricedCart {
  const { id, version, updatedAt } = cart;
  const lines = cart.lines.map((line) => priceLine(line, offers.get(line.productId)));
  return {
    id,
    lines,
    itemCount: sum(lines.map(({ quantity }) => quantity)),
    totalMinor: sum(lines.map(({ lineTotalMinor }) => lineTotalMinor)),
    currency,
    warnings: cart.lines.flatMap((line) => warningsOf(line, offers.get(line.productId))),
    version,
    updatedAt,
  };
}

function priceLine(line: CartLine, offer: Offer | undefined): PricedLine {
  const { quantity } = line;
  if (!offer) return { ...line, lineTotalMinor: quantity * line.unitPriceMinor, available: 0 };
  const { priceMinor, ...facts } = offer;
  return { ...facts, quantity, unitPriceMinor: priceMinor, lineTotalMinor: quantity * priceMinor };
}

function warningsOf({ productId, quantity, unitPriceMinor }: CartLine, offer: Offer | undefined): Warning[] {
  if (!offer) return [{ code: 'unavailable', productId }];
  const { available, priceMinor, currency } = offer;
  const warnings: Warning[] = [];
  if (priceMinor !== unitPriceMinor) {
    const prices = { previousMinor: unitPriceMinor, currentMinor: priceMinor, currency };
    warnings.push({ code: 'price_changed', productId, ...prices });
  }
  if (available === 0) warnings.push({ code: 'unavailable', productId });
  else if (available < quantity) warnings.push({ code: 'low_stock', productId, available });
  return warnings;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
