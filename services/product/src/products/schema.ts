import { z } from 'zod';
import { lineOfText, linesOfText, PORTABLE_WORD } from '#platform/http/text.ts';
import type { Category } from '../categories/category.ts';
import { CategorySlug } from '../categories/schema.ts';
import { MAX_ATTRIBUTES, type Offer, type Product } from './product.ts';

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

/** Minor units; a cart of 100 lines of 999 each can still be counted exactly. */
const MAX_PRICE = 10_000_000_000;
const MAX_IMAGES = 20;
const URL_TEXT = /^[^\s\p{Cc}\p{Cs}]+$/u;

const Name = lineOfText(200).meta({ example: 'Nimbus Studio Headphones, Black' });
const Description = linesOfText(10_000);
const Brand = lineOfText(100).meta({ example: 'Nimbus' });
const Amount = z.int().min(0, 'Minor units, 0 or more.').max(MAX_PRICE, `At most ${MAX_PRICE} minor units.`);
const Currency = z.string().regex(/^[A-Z]{3}$/, 'An ISO 4217 code.');
const Images = z
  .array(
    z
      .url({ protocol: /^https?$/, error: 'An address that begins with http: or https:.' })
      .max(2048, 'At most 2048 characters.')
      .regex(URL_TEXT, 'An address without spaces or control characters.')
      .meta({ pattern: PORTABLE_WORD }),
  )
  .max(MAX_IMAGES, `At most ${MAX_IMAGES} images.`)
  .meta({ example: ['https://images.example/headphones/nimbus-1.jpg'] });
const AttributeName = lineOfText(64);
const AttributeValue = lineOfText(500);

export const NewProductBody = z
  .strictObject({
    sku: z
      .string()
      .max(64, 'At most 64 characters.')
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'Letters, digits, dots, hyphens and underscores.')
      .meta({ description: 'It never changes.', example: 'HPH-0042' }),
    name: Name,
    description: Description.optional(),
    brand: Brand.optional(),
    category: CategorySlug,
    price: z.strictObject({ amount: Amount, currency: Currency }),
    stock: z.int().min(0, '0 or more.').max(1_000_000, 'At most 1000000.').meta({ description: 'Units at first.' }),
    images: Images.optional(),
    attributes: z
      .record(AttributeName, AttributeValue)
      .refine((attributes) => Object.keys(attributes).length <= MAX_ATTRIBUTES, `At most ${MAX_ATTRIBUTES} attributes.`)
      .optional()
      .meta({ example: { colour: 'black' } }),
  })
  .meta({ id: 'NewProduct' });

export const ProductPatchBody = z
  .strictObject({
    name: Name.optional(),
    description: Description.nullable().optional(),
    brand: Brand.nullable().optional(),
    category: CategorySlug.optional(),
    price: z.strictObject({ amount: Amount.optional(), currency: Currency.optional() }).optional(),
    images: Images.nullable().optional(),
    attributes: z.record(AttributeName, AttributeValue.nullable()).nullable().optional(),
  })
  .meta({ id: 'ProductPatch', description: 'A merge patch (RFC 7396): what is left out stays, null clears.' });

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
