import { z } from 'zod';
import type { CategoryNode } from './category.ts';

export const CategoryBody = z
  .strictObject({
    slug: z.string().meta({ example: 'headphones' }),
    name: z.string().meta({ example: 'Headphones' }),
    path: z.string().meta({ example: 'electronics/audio/headphones' }),
    version: z.int().min(1),
    get children() {
      return z.array(CategoryBody);
    },
  })
  .meta({ id: 'Category' });

export const CategoryTreeBody = z.strictObject({ data: z.array(CategoryBody) }).meta({ id: 'CategoryTree' });

export function toCategoryBody({ slug, name, path, version, children }: CategoryNode): z.output<typeof CategoryBody> {
  return { slug, name, path, version, children: children.map(toCategoryBody) };
}
