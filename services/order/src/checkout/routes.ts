import { idempotencyInProgress, idempotencyKeyReused } from '#platform/errors.ts';
import { Reply, type Route, route } from '#platform/http/route.ts';
import {
  cartChanged,
  cartEmpty,
  checkoutExpired,
  checkoutPaused,
  insufficientStock,
  productUnavailable,
} from '../orders/refusals.ts';
import { EXAMPLE_PRODUCT_ID, OrderBody, PlaceOrderBody, toOrderBody, toOrderETag } from '../orders/schema.ts';
import type { CheckoutService } from './service.ts';

export function checkoutRoutes(checkout: CheckoutService): Route[] {
  return [
    route({
      method: 'post',
      path: '/api/v1/orders',
      summary: 'Place the cart as an order',
      description:
        'Placed once for each Idempotency-Key, however often it is sent. If the order is not decided within 2 seconds, the answer is ' +
        '202; read the order for the outcome.',
      tag: 'Orders',
      access: 'user',
      idempotencyKey: true,
      request: { body: PlaceOrderBody },
      status: 201,
      response: OrderBody,
      alternatives: { 202: { description: 'Not decided yet; read the order for the outcome.' } },
      errors: [
        cartEmpty(),
        insufficientStock([{ productId: EXAMPLE_PRODUCT_ID, requested: 2, available: 1 }]),
        cartChanged(52398, 'USD'),
        productUnavailable([{ productId: EXAMPLE_PRODUCT_ID }]),
        checkoutExpired(),
        idempotencyInProgress(),
        idempotencyKeyReused('order'),
        checkoutPaused(),
      ],
      etag: toOrderETag,
      location: ({ id }) => `/api/v1/orders/${id}`,
      handle: async ({ body, idempotencyKey }, { userId }) => {
        const { order, late, replayed } = await checkout.place(userId, idempotencyKey, body);
        return new Reply(toOrderBody(order), { status: late ? 202 : 201, replayed });
      },
    }),
  ];
}
