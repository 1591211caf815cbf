import { z } from 'zod';
import { lineOfText } from '#platform/http/text.ts';
import type { CategoryNode } from './category.ts';

export const CategorySlug = z
  .string()
  .max(64, 'At most 64 characters.')
  .regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, 'A slug: lower-case letters and digits, joined by hyphens.')
  .meta({ example: 'headphones' });

const CategoryName = lineOfText(100).meta({ example: 'Headphones' });

export const NewCategoryBody = z
  .strictObject({
    slug: CategorySlug,
    name: CategoryName,
    parent: CategorySlug.optional().meta({
      description: 'Slug of the category above; it never changes. At most 4 levels.',
      example: 'audio',
    }),
  })
  .meta({ id: 'NewCategory' });

export const CategoryPatchBody = z.strictObject({ name: CategoryName }).meta({ id: 'CategoryPatch' });

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
