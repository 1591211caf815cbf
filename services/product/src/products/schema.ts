import { z } from 'zod';
import type { Category } from '../categories/category.ts';
import type { Offer, Product } from './product.ts';

export const ProductId = z
  .uuid('A product id is a UUID.')
  .toLowerCase()
  .meta({ example: '0b6f9f2c-6c1c-5d6e-9a57-3f1f6c1d7c11' });

export const Money = z
  .strictObject({
    amount: z.int().min(0).meta({ description: 'Minor units, e.g. cents.' }),
    currency: z.string().regex(/^[A-Z]{3}$/),
  })
  .meta({ id: 'Money', example: { amount: 1999, currency: 'USD' } });

export const CategoryReference = z
  .strictObject({ slug: z.string(), name: z.string() })
  .meta({ id: 'CategoryReference' });

export const ProductBody = z
  .strictObject({
    id: z.uuid(),
    sku: z.string(),
    name: z.string(),
    description: z.string().nullable(),
    brand: z.string().nullable(),
    category: CategoryReference,
    price: Money,
    images: z.array(z.string()),
    attributes: z.record(z.string(), z.string()),
    stock: z.strictObject({ available: z.int().min(0), inStock: z.boolean() }),
    version: z.int().min(1),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Product', description: 'A product with its live stock.' });

export const OffersRequest = z.strictObject({ ids: z.array(ProductId).min(1).max(100) }).meta({ id: 'OffersRequest' });

export const OffersBody = z
  .strictObject({
    data: z.array(
      z.strictObject({
        id: z.uuid(),
        sku: z.string(),
        name: z.string(),
        image: z.string().nullable(),
        price: Money,
        available: z.int().min(0),
      }),
    ),
  })
  .meta({ id: 'Offers', description: 'What can be bought today; a product that is not there is not offered.' });

export function toProductBody(product: Product, category: Category | undefined): z.output<typeof ProductBody> {
  const { id, sku, name, description = null, brand = null, images, attributes, available, version } = product;
  return {
    id,
    sku,
    name,
    description,
    brand,
    category: toCategoryReference(product.category, category),
    price: { amount: product.priceMinor, currency: product.currency },
    images: [...images],
    attributes: { ...attributes },
    stock: { available, inStock: available > 0 },
    version,
    createdAt: product.createdAt.toISOString(),
    updatedAt: product.updatedAt.toISOString(),
  };
}

export function toCategoryReference(slug: string, category: Category | undefined): z.output<typeof CategoryReference> {
  return { slug, name: category?.name ?? slug };
}

export function toOffersBody(offers: readonly Offer[]): z.output<typeof OffersBody> {
  return {
    data: offers.map(({ id, sku, name, image = null, priceMinor, currency, available }) => ({
      id,
      sku,
      name,
      image,
      price: { amount: priceMinor, currency },
      available,
    })),
  };
}
