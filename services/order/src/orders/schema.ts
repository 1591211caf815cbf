import { z } from 'zod';
import { pageOf, pageQuery } from '#platform/http/page.ts';
import { lineOfText } from '#platform/http/text.ts';
import { type Order, type OrderLine, type OrderRecord, STATUSES } from './order.ts';

/** A product in every seeded shop. */
export const EXAMPLE_PRODUCT_ID = '2c09ac5e-c7a5-5df7-9f93-be062fa12ff5';
const EXAMPLE_ORDER_ID = '9b1de2f4-3c6a-5d80-a7e1-5f2b8c4d6e90';
const EXAMPLE_USER_ID = '7d3f1c9e-5b0a-4e6d-8f42-1a9c6e0b7d35';
const EXAMPLE_ADDRESS = {
  name: 'Ada Lovelace',
  line1: '12 St James Square',
  city: 'London',
  postalCode: 'SW1Y 4JH',
  country: 'GB',
};
const EXAMPLE_SUMMARY = {
  id: EXAMPLE_ORDER_ID,
  status: 'confirmed',
  items: [
    {
      productId: EXAMPLE_PRODUCT_ID,
      sku: 'HDP-1-0000037',
      name: 'Brightwave Aurora Hi-Res On-Ear Headphones, Midnight Blue',
      quantity: 2,
      unitPrice: { amount: 25199, currency: 'USD' },
      lineTotal: { amount: 50398, currency: 'USD' },
    },
  ],
  total: { amount: 50398, currency: 'USD' },
  itemCount: 2,
  shippingAddress: EXAMPLE_ADDRESS,
  version: 3,
  createdAt: '2026-01-31T09:41:07.512Z',
  updatedAt: '2026-01-31T09:41:07.583Z',
};

export const OrderParams = z.strictObject({
  id: z.guid('An order id is a UUID.').toLowerCase().meta({ example: EXAMPLE_ORDER_ID }),
});

const Money = z
  .strictObject({ amount: z.int().min(0), currency: z.string().regex(/^[A-Z]{3}$/, 'An ISO 4217 code.') })
  .meta({ id: 'Money', description: 'Minor units.', example: { amount: 50398, currency: 'USD' } });

const AddressBody = z
  .strictObject({
    name: lineOfText(200),
    line1: lineOfText(200),
    line2: lineOfText(200).optional(),
    city: lineOfText(100),
    postalCode: lineOfText(20),
    country: z.string().regex(/^[A-Z]{2}$/, 'A two-letter ISO 3166-1 code.'),
  })
  .meta({ id: 'Address', example: EXAMPLE_ADDRESS });

export const PlaceOrderBody = z.strictObject({ shippingAddress: AddressBody, expectedTotal: Money.optional() }).meta({
  id: 'PlaceOrder',
  description: 'With `expectedTotal`, the order is refused if the cart now costs something else.',
  example: { shippingAddress: EXAMPLE_ADDRESS },
});

const LineBody = z.strictObject({
  productId: z.uuid(),
  sku: z.string(),
  name: z.string(),
  quantity: z.int().min(1),
  unitPrice: Money,
  lineTotal: Money,
});

const summaryFields = {
  id: z.uuid(),
  status: z.enum(STATUSES),
  items: z.array(LineBody),
  total: Money,
  itemCount: z.int().min(0),
  shippingAddress: AddressBody,
  version: z.int().min(1),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
};

export const OrderSummaryBody = z
  .strictObject(summaryFields)
  .meta({ id: 'OrderSummary', description: 'An order in a list, without its history.', example: EXAMPLE_SUMMARY });

export const OrderBody = z
  .strictObject({
    ...summaryFields,
    history: z.array(
      z.strictObject({
        status: z.enum(STATUSES),
        at: z.iso.datetime(),
        actor: z.string(),
        reason: z.string().optional(),
      }),
    ),
  })
  .meta({
    id: 'Order',
    description: '`items` is empty until the order is priced.',
    example: {
      ...EXAMPLE_SUMMARY,
      history: [
        { status: 'pending', at: '2026-01-31T09:41:07.512Z', actor: EXAMPLE_USER_ID },
        { status: 'confirmed', at: '2026-01-31T09:41:07.583Z', actor: 'system' },
      ],
    },
  });

export const OrderPageBody = pageOf(OrderSummaryBody).meta({ id: 'OrderPage' });

export const OrderListQuery = z.strictObject({
  status: z
    .enum(STATUSES, `One of ${STATUSES.join(', ')}.`)
    .optional()
    .meta({ examples: ['shipped'] }),
  ...pageQuery,
});

export const AdminOrderListQuery = OrderListQuery.extend({
  day: z.iso
    .date('A day, YYYY-MM-DD.')
    .optional()
    .meta({ description: 'The day on which the orders were placed (UTC); default today.', examples: ['2026-01-31'] }),
});

export const TransitionBody = z
  .strictObject({
    to: z.enum(STATUSES, `One of ${STATUSES.join(', ')}.`),
    reason: lineOfText(500).optional(),
  })
  .meta({
    id: 'Transition',
    description: '`reason` is shown in the history.',
    example: { to: 'shipped', reason: 'Handed to the carrier.' },
  });

export function toOrderETag({ version }: { readonly version: number }): string {
  return `"${version}"`;
}

export function toOrderBody(order: OrderRecord): z.output<typeof OrderBody> {
  const history = order.history.map(({ status, at, actor, reason }) => ({
    status,
    at: at.toISOString(),
    actor,
    reason,
  }));
  return { ...toOrderSummaryBody(order), history };
}

export function toOrderSummaryBody(order: Order): z.output<typeof OrderSummaryBody> {
  const { id, status, lines = [], totalMinor, currency, address, version, createdAt, updatedAt } = order;
  return {
    id,
    status,
    items: lines.map((line) => toLineBody(line, currency)),
    total: { amount: totalMinor, currency },
    itemCount: lines.reduce((sum, { quantity }) => sum + quantity, 0),
    shippingAddress: address,
    version,
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  };
}

function toLineBody(line: OrderLine, currency: string): z.output<typeof LineBody> {
  const { productId, sku, name, quantity, unitPriceMinor } = line;
  return {
    productId,
    sku,
    name,
    quantity,
    unitPrice: { amount: unitPriceMinor, currency },
    lineTotal: { amount: unitPriceMinor * quantity, currency },
  };
}
