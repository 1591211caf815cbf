import { z } from 'zod';
import { lineOfText } from '#platform/http/text.ts';
import { ProductId } from '../products/schema.ts';

const MAX_ADJUSTMENT = 1_000_000;

export const AdjustmentRequest = z
  .strictObject({
    quantity: z
      .int()
      .min(-MAX_ADJUSTMENT, `At least ${-MAX_ADJUSTMENT}.`)
      .max(MAX_ADJUSTMENT, `At most ${MAX_ADJUSTMENT}.`)
      .refine((quantity) => quantity !== 0, 'Not 0.')
      .meta({ description: 'Added to what is available; negative takes away.', example: 25, not: { const: 0 } }),
    reason: lineOfText(200).meta({ example: 'Delivery 4711' }),
  })
  .meta({ id: 'StockAdjustment' });

export const StockBody = z
  .strictObject({
    productId: z.uuid(),
    available: z.int().min(0),
    reserved: z.int().min(0),
    sold: z.int().min(0),
  })
  .meta({ id: 'Stock' });

export const ReservationParams = z.strictObject({ orderId: z.uuid().toLowerCase() });

export const ReservationRequest = z
  .strictObject({
    lines: z
      .array(z.strictObject({ productId: ProductId, quantity: z.int().min(1).max(999) }))
      .min(1)
      .max(100)
      .refine((lines) => new Set(lines.map(({ productId }) => productId)).size === lines.length, 'Each product once.'),
  })
  .meta({ id: 'ReservationRequest', description: 'The lines of the order, the same in every call.' });

export const ReservationBody = z
  .strictObject({ state: z.enum(['held', 'committed', 'released', 'returned']) })
  .meta({ id: 'Reservation' });
