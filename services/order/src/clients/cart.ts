import { z } from 'zod';
import type { ServiceClient } from '#platform/client/service-client.ts';
import type { CartLine } from '../orders/order.ts';

const Taken = z.object({ lines: z.array(z.object({ productId: z.string(), quantity: z.int() })) });
const Restored = z.object({ restored: z.boolean() });

/** The user's cart, as a checkout uses it. Both steps are repeatable. */
export interface CartClient {
  /** Empties the cart and returns its lines, the same again for the same order. */
  take(userId: string, orderId: string): Promise<CartLine[]>;
  /** Puts back once what the order took. */
  restore(userId: string, orderId: string): Promise<void>;
  isAvailable(): boolean;
}

export function createCartClient(cart: ServiceClient): CartClient {
  const post = <Answer extends z.ZodType>(userId: string, step: 'take' | 'restore', orderId: string, answer: Answer) =>
    cart.call({
      method: 'POST',
      path: `/internal/carts/${userId}/${step}`,
      scope: `carts:${step}`,
      body: { orderId },
      idempotent: true,
      answers: { 200: answer },
    });

  return {
    take: async (userId, orderId) => (await post(userId, 'take', orderId, Taken)).body.lines,
    async restore(userId, orderId) {
      await post(userId, 'restore', orderId, Restored);
    },
    isAvailable: cart.isAvailable,
  };
}
