import { z } from 'zod';
import { lineOfText } from '#platform/http/text.ts';
import { EXAMPLE_PRODUCT_ID, ProductId } from '../products/schema.ts';
import { HOLD_STATES, type StockLevel } from './stock.ts';

const MAX_ADJUSTMENT = 1_000_000;

export const AdjustmentBody = z
  .strictObject({
    quantity: z
      .int()
      .min(-MAX_ADJUSTMENT, `At least ${-MAX_ADJUSTMENT}.`)
      .max(MAX_ADJUSTMENT, `At most ${MAX_ADJUSTMENT}.`)
      .refine((quantity) => quantity !== 0, 'Must not be 0.')
      .meta({ description: 'Units to add to what is available; negative removes units.', not: { const: 0 } }),
    reason: lineOfText(200),
  })
  .meta({ id: 'StockAdjustment', example: { quantity: 25, reason: 'Delivery 4711' } });

export const StockBody = z
  .strictObject({
    productId: z.uuid(),
    available: z.int().min(0),
    reserved: z.int().min(0),
    sold: z.int().min(0),
  })
  .meta({
    id: 'Stock',
    example: { productId: EXAMPLE_PRODUCT_ID, available: 470, reserved: 2, sold: 18 },
  });

export function toStockBody(productId: string, { available, reserved, sold }: StockLevel): z.output<typeof StockBody> {
  return { productId, available, reserved, sold };
}

export const EXAMPLE_ORDER_ID = '9b1de2f4-3c6a-5d80-a7e1-5f2b8c4d6e90';
export const EXAMPLE_LINE = { productId: EXAMPLE_PRODUCT_ID, quantity: 2 };

export const ReservationParams = z.strictObject({
  orderId: z.guid().toLowerCase().meta({ example: EXAMPLE_ORDER_ID }),
});

export const ReservationLinesBody = z
  .strictObject({
    lines: z
      .array(z.strictObject({ productId: ProductId, quantity: z.int().min(1).max(999) }))
      .min(1)
      .max(100)
      .refine(
        (lines) => new Set(lines.map(({ productId }) => productId)).size === lines.length,
        'Each product may occur only once.',
      ),
  })
  .meta({
    id: 'ReservationRequest',
    description: 'The lines of the order, the same in every call.',
    example: { lines: [EXAMPLE_LINE] },
  });

export const ReservationBody = z
  .strictObject({ state: z.enum(HOLD_STATES) })
  .meta({ id: 'Reservation', example: { state: 'held' } });
