import { z } from 'zod';

const MAX_LIMIT = 100;
const DEFAULT_LIMIT = 20;

const EXAMPLE_CURSOR = 'eyJrIjoyNTE5OX0.gCtZ1Qh0c7vJ3mXyT5bWkA';

/** `limit` and `cursor` of every list: 1–100, default 20; above 100 becomes 100. */
export const pageQuery = {
  limit: z
    .string()
    .regex(/^[1-9]\d*$/, 'A positive whole number.')
    .transform((text) => Math.min(Number(text), MAX_LIMIT))
    .default(DEFAULT_LIMIT)
    .meta({ description: `Items per page, at most ${MAX_LIMIT}.`, examples: ['20'] }),
  cursor: z
    .string()
    .optional()
    .meta({ description: 'The `page.nextCursor` of the previous page.', examples: [EXAMPLE_CURSOR] }),
};

/** A page on the wire; its example is made from the item's. Until `nextCursor` is null, a page may be short, even empty. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  const page = z.strictObject({ limit: z.int().min(1).max(MAX_LIMIT), nextCursor: z.string().nullable() });
  const example = { data: [item.meta()?.example], page: { limit: DEFAULT_LIMIT, nextCursor: EXAMPLE_CURSOR } };
  return z.strictObject({ data: z.array(item), page }).meta({ example });
}
