import { z } from 'zod';
import { pageOf, pageQuery } from '#platform/http/page.ts';
import { lineOfText } from '#platform/http/text.ts';
import { type Order, type OrderLine, type OrderRecord, STATUSES } from './order.ts';

export const OrderId = z.uuid('An order id is a UUID.').toLowerCase();

const Money = z
  .strictObject({ amount: z.int().min(0), currency: z.string().regex(/^[A-Z]{3}$/, 'An ISO 4217 code.') })
  .meta({ id: 'Money', description: 'Minor units.', example: { amount: 1999, currency: 'USD' } });

const AddressBody = z
  .strictObject({
    name: lineOfText(200).meta({ example: 'Ada Lovelace' }),
    line1: lineOfText(200).meta({ example: '12 St James Square' }),
    line2: lineOfText(200).optional(),
    city: lineOfText(100).meta({ example: 'London' }),
    postalCode: lineOfText(20).meta({ example: 'SW1Y 4JH' }),
    country: z
      .string()
      .regex(/^[A-Z]{2}$/, 'An ISO 3166-1 code of two letters.')
      .meta({ example: 'GB' }),
  })
  .meta({ id: 'Address' });

export const PlaceOrderBody = z.strictObject({ shippingAddress: AddressBody, expectedTotal: Money.optional() }).meta({
  id: 'PlaceOrder',
  description: '`expectedTotal` refuses the order when the cart costs something else by now.',
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
  .meta({ id: 'OrderSummary', description: 'An order in a list: without its history.' });

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
  .meta({ id: 'Order', description: 'Until it is priced, `items` is empty.' });

export const OrderPageBody = pageOf(OrderSummaryBody).meta({ id: 'OrderPage' });

export const OrderListQuery = z.strictObject({
  status: z.enum(STATUSES, `One of ${STATUSES.join(', ')}.`).optional(),
  ...pageQuery,
});

export const AdminOrderListQuery = OrderListQuery.extend({
  day: z.iso
    .date('A day, YYYY-MM-DD.')
    .optional()
    .meta({ description: 'When they were placed (UTC); default today.', example: '2026-01-31' }),
});

export const TransitionBody = z
  .strictObject({
    to: z.enum(STATUSES, `One of ${STATUSES.join(', ')}.`).meta({ example: 'shipped' }),
    reason: lineOfText(500).optional().meta({ example: 'Handed to the carrier.' }),
  })
  .meta({ id: 'Transition', description: '`reason` is shown in the history.' });

export function toOrderBody(order: OrderRecord): z.output<typeof OrderBody> {
  const history = order.history.map(({ status, at, actor, reason }) => ({
    status,
    at: at.toISOString(),
    actor,
    ...(reason !== undefined && { reason }),
  }));
  return { ...toOrderSummaryBody(order), history };
}

export function toOrderSummaryBody(order: Order): z.output<typeof OrderSummaryBody> {
  const { id, status, lines = [], totalMinor, currency, address, version, createdAt, updatedAt } = order;
  const { line2, ...required } = address;
  return {
    id,
    status,
    items: lines.map((line) => toLineBody(line, currency)),
    total: { amount: totalMinor, currency },
    itemCount: lines.reduce((sum, { quantity }) => sum + quantity, 0),
    shippingAddress: { ...required, ...(line2 !== undefined && { line2 }) },
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
