import { ALL } from '../categories/category.ts';
import { type Filter, type Position, planList, type Sort, type Summary } from './listing.ts';
import type { ListingRepository } from './repository.ts';

/** Rows read in one step when each row has to be tested. */
const STEP = 250;
const STEPS = 4;

export interface ListRequest {
  readonly filter: Filter;
  readonly sort: Sort;
  readonly limit: number;
  readonly after: Position | undefined;
}

/** A page, and where it ended; undefined at the end of the list. With selective filters a page may be short, even empty. */
export interface SummaryPage {
  readonly summaries: readonly Summary[];
  readonly next: Position | undefined;
}

export interface ListingService {
  /** One page in one query; in at most four when rows have to be tested. */
  listProducts(request: ListRequest): Promise<SummaryPage>;
}

export function createListingService({
  repository,
  now,
}: {
  repository: ListingRepository;
  now: () => number;
}): ListingService {
  return {
    async listProducts({ filter, sort, limit, after }) {
      // The list of all products is not a category.
      if (filter.category === ALL) return { summaries: [], next: undefined };
      const { slice, accepts } = planList(filter, sort, filter.category ?? ALL);
      const startedAt = after?.startedAt ?? now();
      const page: Summary[] = [];
      let position = after;

      for (let step = 1; step <= STEPS; step += 1) {
        const size = accepts ? (step === 1 ? 2 * limit + 1 : STEP) : limit + 1;
        const rows = await repository.listSummaries(slice, size, position);
        for (const row of rows) {
          if (page.length === limit) return { summaries: page, next: position };
          position = { sortKey: row.sortKey, id: row.id, startedAt };
          const mayRepeat = after !== undefined || step > 1;
          if ((mayRepeat && isNewHere(row, startedAt)) || accepts?.(row) === false) continue;
          page.push(row);
        }
        if (rows.length < size) return { summaries: page, next: undefined };
        if (page.length === limit) break;
      }
      return { summaries: page, next: position };
    },
  };
}

/** It moved here after the walk began: it may have been shown at its former place, and must not be shown twice. */
function isNewHere({ placedAt }: Summary, startedAt: number): boolean {
  return placedAt.getTime() > startedAt;
}
