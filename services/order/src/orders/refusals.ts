import { Conflict, NotFound, Unavailable } from '#platform/errors.ts';
import type { Status } from './order.ts';

interface ShortLine {
  readonly productId: string;
  readonly requested: number;
  readonly available: number;
}

export function orderNotFound(): NotFound {
  return new NotFound('order_not_found', 'There is no such order.');
}

export function cartEmpty(): Conflict {
  return new Conflict('cart_empty', 'The cart is empty.');
}

export function productUnavailable(lines: readonly { readonly productId: string }[]): Conflict {
  return new Conflict('product_unavailable', 'At least one product is no longer sold.', { extensions: { lines } });
}

/** In the words of the product service, which finds it out. */
export function insufficientStock(lines: readonly ShortLine[]): Conflict {
  return new Conflict('insufficient_stock', 'There are not enough units of at least one product.', {
    extensions: { lines },
  });
}

/** `amount` is what the cart costs now, in minor units. */
export function cartChanged(amount: number, currency: string): Conflict {
  return new Conflict('cart_changed', 'The total is not the expected one.', {
    extensions: { total: { amount, currency } },
  });
}

export function checkoutExpired(): Conflict {
  return new Conflict('checkout_expired', 'The order could not be placed in time.');
}

/** `allowed` lists the statuses that the order can be given. */
export function invalidTransition(from: Status, to: Status, allowed: readonly Status[]): Conflict {
  return new Conflict('invalid_transition', `An order that is ${from} can't become ${to}.`, {
    // Not `status`, which every problem has already.
    extensions: { orderStatus: from, allowed },
  });
}

export function checkoutPaused(): Unavailable {
  return new Unavailable('upstream_unavailable', 'Orders cannot be placed right now; try again.', { retryAfter: 2 });
}

export function orderContended(): Unavailable {
  return new Unavailable('order_contended', 'The order is being changed; try again.');
}
