import { Unavailable } from '#platform/errors.ts';

export function listingsContended(productId: string): Unavailable {
  return new Unavailable(
    'listings_contended',
    `The listings of ${productId} change too fast to be brought up to date; try again.`,
  );
}
