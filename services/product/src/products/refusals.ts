import { Conflict, NotFound, Unavailable } from '#platform/errors.ts';

export function productNotFound(): NotFound {
  return new NotFound('product_not_found', 'There is no such product.');
}

export function skuTaken(): Conflict {
  return new Conflict('sku_taken', 'Another product has this SKU.');
}

export function productContended(): Unavailable {
  return new Unavailable('product_contended', 'The product is being changed by another request; try again.');
}
