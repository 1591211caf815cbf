import { z } from 'zod';
import { type CartLine, MAX_LINES, MAX_QUANTITY } from './cart.ts';
import type { PricedCart, PricedLine, Warning } from './priced-cart.ts';

/** A product of every seeded shop, so that the documented examples work as they are. */
export const EXAMPLE_PRODUCT_ID = '2c09ac5e-c7a5-5df7-9f93-be062fa12ff5';

const uuid = (what: string, example: string) => z.guid(`${what} is a UUID.`).toLowerCase().meta({ example });
const ProductId = uuid('A product id', EXAMPLE_PRODUCT_ID);

const quantity = (min: number) => {
  const rule = `A whole number from ${min} to ${MAX_QUANTITY}.`;
  return z.int(rule).min(min, rule).max(MAX_QUANTITY, rule);
};

export const ItemParams = z.strictObject({ productId: ProductId });
export const CartParams = z.strictObject({ userId: uuid('A user id', '7d3f1c9e-5b0a-4e6d-8f42-1a9c6e0b7d35') });

export const AddItemBody = z
  .strictObject({ productId: ProductId, quantity: quantity(1) })
  .meta({ id: 'AddItem', example: { productId: EXAMPLE_PRODUCT_ID, quantity: 2 } });

export const SetItemBody = z
  .strictObject({ quantity: quantity(0).meta({ description: '0 removes the item.' }) })
  .meta({ id: 'SetItem', example: { quantity: 3 } });

const EXAMPLE_ORDER_ID = '9b1de2f4-3c6a-5d80-a7e1-5f2b8c4d6e90';

export const OrderReferenceBody = z
  .strictObject({ orderId: uuid('An order id', EXAMPLE_ORDER_ID) })
  .meta({ id: 'OrderReference', example: { orderId: EXAMPLE_ORDER_ID } });

const EXAMPLE_TOKEN = 'cart_mWc3vG1kq0Yb5T8xJ2nR7sLdHfQeZuXaPiOtNyBwVgE';
const CartToken = z.string().regex(/^cart_[\w-]{43}$/, 'A `cartToken` as returned with the cart.');

export const MergeCartBody = z
  .strictObject({ cartToken: CartToken })
  .meta({ id: 'MergeCart', example: { cartToken: EXAMPLE_TOKEN } });

const Money = z
  .strictObject({
    amount: z.int().min(0).meta({ description: 'Minor units, e.g. cents.' }),
    currency: z.string().regex(/^[A-Z]{3}$/),
  })
  .meta({ id: 'Money', example: { amount: 25199, currency: 'USD' } });

const CartItem = z
  .strictObject({
    productId: z.uuid(),
    sku: z.string(),
    name: z.string(),
    image: z.string().nullable(),
    quantity: z.int().min(1).max(MAX_QUANTITY),
    unitPrice: Money.meta({ description: 'The current price; the last known one if the product is no longer sold.' }),
    lineTotal: Money.meta({ description: 'quantity × unitPrice, whether or not the item can be bought.' }),
    available: z.int().min(0).meta({ description: '0 when the product is sold out or no longer sold.' }),
  })
  .meta({ id: 'CartItem' });

const CartWarning = z
  .discriminatedUnion('code', [
    z
      .strictObject({
        code: z.literal('price_changed'),
        productId: z.uuid(),
        previousPrice: Money.meta({ description: 'The price when the item was last added or set.' }),
        currentPrice: Money,
      })
      .meta({ id: 'PriceChanged', description: 'Shown until the item is next added or set.' }),
    z
      .strictObject({ code: z.literal('low_stock'), productId: z.uuid(), available: z.int().min(1) })
      .meta({ id: 'LowStock', description: 'Fewer are available than the cart holds; an order would be refused.' }),
    z.strictObject({ code: z.literal('unavailable'), productId: z.uuid() }).meta({
      id: 'Unavailable',
      description: 'Sold out or no longer sold; an order would be refused. The item counts towards the total.',
    }),
  ])
  .meta({ id: 'CartWarning' });

const cartFields = {
  id: z.uuid(),
  items: z.array(CartItem).max(MAX_LINES),
  itemCount: z.int().min(0).meta({ description: 'Sum of the quantities of all items.' }),
  total: Money.meta({ description: 'Sum of all line totals: the `expectedTotal` of an order.' }),
  warnings: z.array(CartWarning),
  version: z.int().min(0).meta({ description: 'Number of changes; 0 for a cart that was never written.' }),
  updatedAt: z.iso
    .datetime()
    .meta({ description: 'The last change; for a cart that was never written, the time of the response.' }),
};

const EXAMPLE_CART = {
  id: '7d3f1c9e-5b0a-4e6d-8f42-1a9c6e0b7d35',
  items: [
    {
      productId: EXAMPLE_PRODUCT_ID,
      sku: 'HDP-1-0000037',
      name: 'Brightwave Aurora Hi-Res On-Ear Headphones, Midnight Blue',
      image: 'https://images.example/headphones/hdp-1-0000037-1.jpg',
      quantity: 2,
      unitPrice: { amount: 25199, currency: 'USD' },
      lineTotal: { amount: 50398, currency: 'USD' },
      available: 445,
    },
  ],
  itemCount: 2,
  total: { amount: 50398, currency: 'USD' },
  warnings: [
    {
      code: 'price_changed',
      productId: EXAMPLE_PRODUCT_ID,
      previousPrice: { amount: 27999, currency: 'USD' },
      currentPrice: { amount: 25199, currency: 'USD' },
    },
  ],
  version: 1,
  updatedAt: '2026-01-31T09:41:07.512Z',
};

export const CartBody = z.strictObject(cartFields).meta({
  id: 'Cart',
  description: 'A cart at current prices. It expires 30 days after its last change.',
  example: EXAMPLE_CART,
});

export const GuestCartBody = z
  .strictObject({
    ...cartFields,
    cartToken: CartToken.meta({ description: 'Opens the cart when sent as `X-Cart-Token`. Never shown again.' }),
  })
  .meta({
    id: 'GuestCart',
    description: "A guest's new cart.",
    example: {
      ...EXAMPLE_CART,
      items: [],
      itemCount: 0,
      total: { amount: 0, currency: 'USD' },
      warnings: [],
      cartToken: EXAMPLE_TOKEN,
    },
  });

/** A user's own cart, or a guest's new one. */
export const OpenedCartBody = z.union([CartBody, GuestCartBody]).meta({ example: EXAMPLE_CART });

export const TakenLinesBody = z
  .strictObject({
    lines: z.array(z.strictObject({ productId: z.uuid(), quantity: z.int().min(1).max(MAX_QUANTITY) })).max(MAX_LINES),
  })
  .meta({
    id: 'TakenLines',
    description: 'What the order took: the same on every repetition, nothing after a restore.',
    example: { lines: [{ productId: EXAMPLE_PRODUCT_ID, quantity: 2 }] },
  });

export const RestorationBody = z
  .strictObject({
    restored: z
      .boolean()
      .meta({ description: 'True when this call put lines back; false when there were none, or none any more.' }),
  })
  .meta({ id: 'Restoration', example: { restored: true } });

export function toCartBody(cart: PricedCart): z.output<typeof CartBody> {
  return {
    id: cart.id,
    items: cart.lines.map(toItem),
    itemCount: cart.itemCount,
    total: { amount: cart.totalMinor, currency: cart.currency },
    warnings: cart.warnings.map(toWarning),
    version: cart.version,
    updatedAt: cart.updatedAt.toISOString(),
  };
}

function toItem(line: PricedLine): z.output<typeof CartItem> {
  const { productId, sku, name, image = null, quantity, unitPriceMinor, lineTotalMinor, currency, available } = line;
  return {
    productId,
    sku,
    name,
    image,
    quantity,
    unitPrice: { amount: unitPriceMinor, currency },
    lineTotal: { amount: lineTotalMinor, currency },
    available,
  };
}

function toWarning(warning: Warning): z.output<typeof CartWarning> {
  if (warning.code !== 'price_changed') return warning;
  const { code, productId, previousMinor, currentMinor, currency } = warning;
  return {
    code,
    productId,
    previousPrice: { amount: previousMinor, currency },
    currentPrice: { amount: currentMinor, currency },
  };
}

export function toTakenLines(lines: readonly CartLine[]): z.output<typeof TakenLinesBody> {
  return { lines: lines.map(({ productId, quantity }) => ({ productId, quantity })) };
}
