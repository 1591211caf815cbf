/** A product as a list shows it. */
export interface Summary {
  readonly id: string;
  readonly sku: string;
  readonly name: string;
  readonly brand?: string | undefined;
  readonly category: string;
  readonly priceMinor: number;
  readonly currency: string;
  readonly images: readonly string[];
  readonly inStock: boolean;
  readonly createdAt: Date;
  /** Since when it has been at its present place in this list. */
  readonly placedAt: Date;
  /** What this list is sorted by. */
  readonly sortKey: SortKey;
}

export const SORTS = ['-createdAt', 'price', '-price', 'name'] as const;
export type Sort = (typeof SORTS)[number];
export type SortKey = Date | number | string;

/** Where a page ended: the last row read, and when (epoch ms) the walk began. */
export interface Position {
  readonly sortKey: SortKey;
  readonly id: string;
  readonly startedAt: number;
}

/** How many products the lists show, and when they were counted. */
export interface ProductCount {
  readonly products: number;
  readonly countedAt: Date;
}

export interface Filter {
  /** Slug of a category; its descendants are included. */
  readonly category?: string | undefined;
  readonly brand?: string | undefined;
  /** Minor units, inclusive. */
  readonly minPrice?: number | undefined;
  readonly maxPrice?: number | undefined;
  readonly inStock?: boolean | undefined;
}

/** The part of a filter that the database applies; the rest is tested row by row. */
export interface Slice {
  readonly listing: string;
  readonly sort: Sort;
  readonly brand?: string | undefined;
  /** Minor units, inclusive. */
  readonly minPrice?: number | undefined;
  readonly maxPrice?: number | undefined;
}

const NAME_KEY_LENGTH = 64;

/** Names sort by this: case-folded, and at most 64 characters. */
export function toNameKey(name: string): string {
  // Half of a surrogate pair at the cut would come back from the database as another character.
  return name.normalize('NFKC').toLowerCase().slice(0, NAME_KEY_LENGTH).toWellFormed();
}

/**
 * Splits a filter into the slice that Cassandra reads and the test for each row. A price range is part of the slice where the rows are
 * sorted by price. Only the brand is left to an index, which can't be read backwards.
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
