/** A product as a list shows it. */
export interface Summary {
  readonly id: string;
  readonly sku: string;
  readonly name: string;
  readonly brand: string | undefined;
  readonly category: string;
  readonly priceMinor: number;
  readonly currency: string;
  readonly images: readonly string[];
  readonly inStock: boolean;
  readonly createdAt: Date;
  /** Since when it stands at its present place in this list. */
  readonly placedAt: Date;
  /** What this list is sorted by. */
  readonly sortKey: SortKey;
}

export const SORTS = ['-createdAt', 'price', '-price', 'name'] as const;
export type Sort = (typeof SORTS)[number];
export type SortKey = Date | number | string;

/** Where a page ended: the last row looked at, and when (epoch ms) the walk began. */
export interface Position {
  readonly sortKey: SortKey;
  readonly id: string;
  readonly startedAt: number;
}

/** How many products the shop shows, and when that was so. */
export interface ProductCount {
  readonly products: number;
  readonly countedAt: Date;
}

export interface Filter {
  /** Slug of a category, whose descendants count too. */
  readonly category: string | undefined;
  readonly brand: string | undefined;
  /** Minor units, inclusive. */
  readonly minPrice: number | undefined;
  readonly maxPrice: number | undefined;
  readonly inStock: boolean | undefined;
}

/** What of a filter the database answers by itself; the rest is judged row by row. */
export interface Slice {
  readonly listing: string;
  readonly sort: Sort;
  readonly brand: string | undefined;
  readonly minPrice: number | undefined;
  readonly maxPrice: number | undefined;
}

const NAME_KEY_LENGTH = 64;

/** Names sort by this: case-folded, and at most 64 characters. */
export function toNameKey(name: string): string {
  // Half a character at the cut comes back from the database as another one.
  return name.normalize('NFKC').toLowerCase().slice(0, NAME_KEY_LENGTH).toWellFormed();
}

/**
 * Splits a filter into the slice that Cassandra reads and the test for each row. A price range is a slice where price is the order;
 * brand is the one predicate left to the index, which can't read backwards.
 */
export function planList(
  filter: Filter,
  sort: Sort,
  listing: string,
): { slice: Slice; accepts: ((summary: Summary) => boolean) | undefined } {
  const { brand, minPrice, maxPrice, inStock } = filter;
  const sortedByPrice = sort === 'price' || sort === '-price';
  const indexed = sort !== '-price';
  const tests: ((summary: Summary) => boolean)[] = [];
  if (brand !== undefined && !indexed) tests.push((summary) => summary.brand === brand);
  if (inStock !== undefined) tests.push((summary) => summary.inStock === inStock);
  if (minPrice !== undefined && !sortedByPrice) tests.push(({ priceMinor }) => priceMinor >= minPrice);
  if (maxPrice !== undefined && !sortedByPrice) tests.push(({ priceMinor }) => priceMinor <= maxPrice);
  const slice = {
    listing,
    sort,
    brand: indexed ? brand : undefined,
    minPrice: sortedByPrice ? minPrice : undefined,
    maxPrice: sortedByPrice ? maxPrice : undefined,
  };
  return { slice, accepts: tests.length > 0 ? (summary) => tests.every((test) => test(summary)) : undefined };
}
