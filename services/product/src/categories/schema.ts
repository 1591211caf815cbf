import { z } from 'zod';
import { lineOfText } from '#platform/http/text.ts';
import type { CategoryNode } from './category.ts';

export const CategorySlug = z
  .string()
  .max(64, 'At most 64 characters.')
  .regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, 'A slug: lower-case letters and digits, joined by hyphens.')
  .meta({ example: 'headphones' });

const CategoryName = lineOfText(100);

export const CategoryParams = z.strictObject({ slug: CategorySlug });

export const NewCategoryBody = z
  .strictObject({
    slug: CategorySlug,
    name: CategoryName,
    parent: CategorySlug.optional().meta({
      description: 'Slug of the parent category; it never changes. At most 4 levels.',
    }),
  })
  .meta({
    id: 'NewCategory',
    example: { slug: 'studio-headphones', name: 'Studio Headphones', parent: 'headphones' },
  });

export const CategoryPatchBody = z
  .strictObject({ name: CategoryName })
  .meta({ id: 'CategoryPatch', example: { name: 'Headphones and Earphones' } });

const EXAMPLE_CATEGORY = {
  slug: 'headphones',
  name: 'Headphones',
  path: 'electronics/audio/headphones',
  version: 1,
  children: [],
};

export const CategoryBody = z
  .strictObject({
    slug: z.string(),
    name: z.string(),
    path: z.string(),
    version: z.int().min(1),
    get children() {
      return z.array(CategoryBody);
    },
  })
  .meta({ id: 'Category', example: EXAMPLE_CATEGORY });

export const CategoryTreeBody = z.strictObject({ data: z.array(CategoryBody) }).meta({
  id: 'CategoryTree',
  example: {
    data: [
      {
        slug: 'electronics',
        name: 'Electronics',
        path: 'electronics',
        version: 1,
        children: [
          { slug: 'audio', name: 'Audio', path: 'electronics/audio', version: 1, children: [EXAMPLE_CATEGORY] },
        ],
      },
    ],
  },
});

export function toCategoryBody({ slug, name, path, version, children }: CategoryNode): z.output<typeof CategoryBody> {
  return { slug, name, path, version, children: children.map(toCategoryBody) };
}
