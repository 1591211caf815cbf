import { Unavailable } from '#platform/errors.ts';

export function listingsContended(productId: string): Unavailable {
  return new Unavailable('listings_contended', `The listings of ${productId} change faster than they can be followed.`);
}
