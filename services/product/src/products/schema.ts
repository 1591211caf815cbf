import { z } from 'zod';
import { lineOfText, linesOfText, PORTABLE_WORD } from '#platform/http/text.ts';
import type { Category } from '../categories/category.ts';
import { CategorySlug } from '../categories/schema.ts';
import { MAX_ATTRIBUTES, type Offer, type Product } from './product.ts';

/** A product of every seeded shop, so that the examples of the documents can be tried as they are. */
export const EXAMPLE_SUMMARY = {
  id: '2c09ac5e-c7a5-5df7-9f93-be062fa12ff5',
  sku: 'HDP-1-0000037',
  name: 'Brightwave Aurora Hi-Res On-Ear Headphones, Midnight Blue',
  brand: 'Brightwave',
  category: { slug: 'headphones', name: 'Headphones' },
  price: { amount: 25199, currency: 'USD' },
  images: ['https://images.example/headphones/hdp-1-0000037-1.jpg'],
  stock: { inStock: true },
  createdAt: '2025-03-16T21:08:30.062Z',
};
export const EXAMPLE_PRODUCT_ID = EXAMPLE_SUMMARY.id;

export const ProductId = z.guid('A product id is a UUID.').toLowerCase().meta({ example: EXAMPLE_PRODUCT_ID });

export const ProductParams = z.strictObject({ id: ProductId });

export const Money = z
  .strictObject({
    amount: z.int().min(0).meta({ description: 'Minor units, e.g. cents.' }),
    currency: z.string().regex(/^[A-Z]{3}$/),
  })
  .meta({ id: 'Money', example: { amount: 25199, currency: 'USD' } });

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
  .meta({
    id: 'Product',
    description: 'A product with its live stock.',
    example: {
      ...EXAMPLE_SUMMARY,
      description: 'The Aurora On-Ear Headphones by Brightwave is made for long listening, at home and on the move.',
      attributes: { Colour: 'Midnight Blue', Battery: '30 h', Driver: '50 mm', Bluetooth: '5.3' },
      stock: { available: 445, inStock: true },
      version: 3,
      updatedAt: '2026-01-31T09:41:07.512Z',
    },
  });

/** Minor units; the total of 100 lines of 999 units is still exact. */
const MAX_PRICE = 10_000_000_000;
const MAX_IMAGES = 20;
const URL_TEXT = /^[^\s\p{Cc}\p{Cs}]+$/u;

const Name = lineOfText(200);
const Description = linesOfText(10_000);
const Brand = lineOfText(100);
const Amount = z.int().min(0, 'Minor units, 0 or more.').max(MAX_PRICE, `At most ${MAX_PRICE} minor units.`);
const Currency = z.string().regex(/^[A-Z]{3}$/, 'An ISO 4217 code.');
const Images = z
  .array(
    z
      .url({ protocol: /^https?$/, error: 'A URL that begins with http: or https:.' })
      .max(2048, 'At most 2048 characters.')
      .regex(URL_TEXT, 'A URL without spaces or control characters.')
      .meta({ pattern: PORTABLE_WORD }),
  )
  .max(MAX_IMAGES, `At most ${MAX_IMAGES} images.`);
const AttributeName = lineOfText(64);
const AttributeValue = lineOfText(500);

export const NewProductBody = z
  .strictObject({
    sku: z
      .string()
      .max(64, 'At most 64 characters.')
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'Letters, digits, dots, hyphens and underscores.')
      .meta({ description: 'Never changes.' }),
    name: Name,
    description: Description.optional(),
    brand: Brand.optional(),
    category: CategorySlug,
    price: z.strictObject({ amount: Amount, currency: Currency }),
    stock: z
      .int()
      .min(0, '0 or more.')
      .max(1_000_000, 'At most 1000000.')
      .meta({ description: 'Units of the first stock.' }),
    images: Images.optional(),
    attributes: z
      .record(AttributeName, AttributeValue)
      .refine((attributes) => Object.keys(attributes).length <= MAX_ATTRIBUTES, `At most ${MAX_ATTRIBUTES} attributes.`)
      .optional(),
  })
  .meta({
    id: 'NewProduct',
    example: {
      sku: 'HPH-0042',
      name: 'Nimbus Studio Headphones, Black',
      description: 'Closed-back headphones for long days in the studio.',
      brand: 'Nimbus',
      category: 'headphones',
      price: { amount: 14900, currency: 'USD' },
      stock: 40,
      images: ['https://images.example/headphones/nimbus-1.jpg'],
      attributes: { Colour: 'Black' },
    },
  });

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
  .meta({
    id: 'ProductPatch',
    description: 'A merge patch (RFC 7396): an absent field stays, null clears it.',
    example: { price: { amount: 12900 }, attributes: { Colour: null, Colours: 'Black, Silver' } },
  });

export const OfferIdsBody = z
  .strictObject({ ids: z.array(ProductId).min(1).max(100) })
  .meta({ id: 'OffersRequest', example: { ids: [EXAMPLE_PRODUCT_ID] } });

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
  .meta({
    id: 'Offers',
    description: 'What can be bought today; a product that is absent is not on sale.',
    example: {
      data: [
        {
          id: EXAMPLE_PRODUCT_ID,
          sku: EXAMPLE_SUMMARY.sku,
          name: EXAMPLE_SUMMARY.name,
          image: EXAMPLE_SUMMARY.images[0],
          price: EXAMPLE_SUMMARY.price,
          available: 445,
        },
      ],
    },
  });

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
