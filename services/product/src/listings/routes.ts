import { z } from 'zod';
import type { CursorCodec } from '#platform/http/cursor.ts';
import { type Route, route } from '#platform/http/route.ts';
import type { CategoryTree } from '../categories/tree.ts';
import type { Position, ProductCount, Sort } from './listing.ts';
import { CatalogueBody, ListQuery, SummaryPageBody, toCatalogueBody, toSummaryBody } from './schema.ts';
import type { ListingService } from './service.ts';

/** A position as the cursor carries it: with short names, and a number for a date. */
const CursorContent = z.object({ k: z.union([z.string(), z.number()]), i: z.guid(), t: z.int() });

export function listingRoutes(
  listings: ListingService,
  countProducts: () => Promise<ProductCount>,
  categories: CategoryTree,
  cursors: CursorCodec,
): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/products',
      summary: 'Products, filtered and sorted, page by page',
      tag: 'Products',
      access: 'public',
      cache: 'catalogue',
      request: { query: ListQuery },
      response: SummaryPageBody,
      paged: true,
      handle: async ({ query: { sort, limit, cursor, ...filter } }) => {
        const binding = `products ${sort} ${JSON.stringify(filter)}`;
        const after = cursor === undefined ? undefined : toPosition(sort, cursors.decode(binding, cursor));
        const { summaries, next } = await listings.listProducts({ filter, sort, limit, after });
        return {
          data: summaries.map((summary) => toSummaryBody(summary, categories.find(summary.category))),
          page: { limit, nextCursor: next ? cursors.encode(binding, toContent(next)) : null },
        };
      },
    }),
    route({
      method: 'get',
      path: '/front-page.json',
      summary: 'How many products there are',
      description:
        'Counted on request, and then kept for a few seconds: longer in a larger shop, where counting takes longer.',
      tag: 'Front page',
      access: 'public',
      cache: 'catalogue',
      response: CatalogueBody,
      handle: async () => toCatalogueBody(await countProducts()),
    }),
  ];
}

function toContent({ sortKey, id, startedAt }: Position): z.output<typeof CursorContent> {
  return { k: sortKey instanceof Date ? sortKey.getTime() : sortKey, i: id, t: startedAt };
}

function toPosition(sort: Sort, content: unknown): Position {
  const { k, i, t } = CursorContent.parse(content);
  return { sortKey: sort === '-createdAt' ? new Date(k) : k, id: i, startedAt: t };
}
