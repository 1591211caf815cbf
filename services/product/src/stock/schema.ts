import { z } from 'zod';
import { ProductId } from '../products/schema.ts';

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
