import { Conflict, NotFound, Unavailable } from '#platform/errors.ts';

export function productNotFound(): NotFound {
  return new NotFound('product_not_found', 'There is no such product.');
}

/** What a token is told that opens nothing, where it isn't what says who calls. */
export function cartNotFound(): NotFound {
  return new NotFound('cart_not_found', 'There is no cart with this token (any more).');
}

export function cartFull(productId: string, maxLines: number): Conflict {
  return new Conflict('cart_full', `A cart holds at most ${maxLines} different products.`, {
    extensions: { productId, maxLines },
  });
}

export function insufficientStock(productId: string, requested: number, available: number): Conflict {
  return new Conflict('insufficient_stock', `${requested} asked for, ${available} available.`, {
    extensions: { productId, requested, available },
  });
}

export function cartBusy(): Unavailable {
  return new Unavailable('cart_busy', 'Too many changes of this cart at once; nothing was changed, ask again.');
}
