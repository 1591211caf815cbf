import { z } from 'zod';
import { pageOf, pageQuery } from '#platform/http/page.ts';
import type { Category } from '../categories/category.ts';
import { CategoryReference, EXAMPLE_SUMMARY, Money, toCategoryReference } from '../products/schema.ts';
import { type ProductCount, SORTS, type Summary } from './listing.ts';

const minorUnits = z
  .string()
  .regex(/^\d{1,15}$/, 'A whole number of minor units, 0 or more.')
  .transform(Number);

export const ListQuery = z.strictObject({
  category: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/, 'A slug: lower-case letters, digits and hyphens.')
    .optional()
    .meta({ description: 'Slug of a category; its descendants are included.', examples: ['headphones'] }),
  brand: z
    .string()
    .min(1, 'At least one character.')
    .max(100, 'At most 100 characters.')
    .optional()
    .meta({ examples: ['Brightwave'] }),
  minPrice: minorUnits.optional().meta({ description: 'Minor units, inclusive.', examples: ['1000'] }),
  maxPrice: minorUnits.optional().meta({ description: 'Minor units, inclusive.', examples: ['9999'] }),
  inStock: z
    .enum(['true', 'false'], 'Either true or false.')
    .transform((text) => text === 'true')
    .optional()
    .meta({ examples: ['true'] }),
  sort: z
    .enum(SORTS, `One of ${SORTS.join(', ')}.`)
    .default('-createdAt')
    .meta({ examples: ['price'] }),
  ...pageQuery,
});

export const SummaryBody = z
  .strictObject({
    id: z.uuid(),
    sku: z.string(),
    name: z.string(),
    brand: z.string().nullable(),
    category: CategoryReference,
    price: Money,
    images: z.array(z.string()),
    stock: z.strictObject({ inStock: z.boolean() }),
    createdAt: z.iso.datetime(),
  })
  .meta({
    id: 'ProductSummary',
    description: 'A product in a list; `inStock` may be up to 2 seconds old.',
    example: EXAMPLE_SUMMARY,
  });

export const SummaryPageBody = pageOf(SummaryBody).meta({ id: 'ProductPage' });

export function toSummaryBody(summary: Summary, category: Category | undefined): z.output<typeof SummaryBody> {
  const { id, sku, name, brand = null, priceMinor, currency, images, inStock, createdAt } = summary;
  return {
    id,
    sku,
    name,
    brand,
    category: toCategoryReference(summary.category, category),
    price: { amount: priceMinor, currency },
    images: [...images],
    stock: { inStock },
    createdAt: createdAt.toISOString(),
  };
}

export const CatalogueBody = z
  .strictObject({
    products: z.int().min(0).meta({ description: 'The number of products that the lists show.' }),
    countedAt: z.iso.datetime(),
  })
  .meta({ id: 'Catalogue', example: { products: 20_000, countedAt: '2026-01-31T09:41:07.512Z' } });

export function toCatalogueBody({ products, countedAt }: ProductCount): z.output<typeof CatalogueBody> {
  return { products, countedAt: countedAt.toISOString() };
}
