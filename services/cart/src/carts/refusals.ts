import { Conflict, NotFound, Unavailable } from '#platform/errors.ts';

export function productNotFound(): NotFound {
  return new NotFound('product_not_found', 'There is no such product.');
}

/** For a token in a body that opens no cart; one that identifies the caller gets 401. */
export function cartNotFound(): NotFound {
  return new NotFound('cart_not_found', 'There is no cart with this token.');
}

export function cartFull(productId: string, maxLines: number): Conflict {
  return new Conflict('cart_full', `A cart holds at most ${maxLines} different products.`, {
    extensions: { productId, maxLines },
  });
}

export function insufficientStock(productId: string, requested: number, available: number): Conflict {
  return new Conflict('insufficient_stock', `${requested} requested, ${available} available.`, {
    extensions: { productId, requested, available },
  });
}

export function cartBusy(): Unavailable {
  return new Unavailable('cart_busy', 'Too many changes to this cart at once; nothing was changed, try again.');
}
