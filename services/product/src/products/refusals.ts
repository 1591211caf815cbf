import { Conflict, NotFound, Unavailable } from '#platform/errors.ts';

export function productNotFound(): NotFound {
  return new NotFound('product_not_found', 'There is no such product.');
}

export function skuTaken(): Conflict {
  return new Conflict('sku_taken', 'Another product has this SKU.');
}

export function productContended(): Unavailable {
  return new Unavailable('product_contended', 'Somebody else changes the product right now; ask again.');
}
