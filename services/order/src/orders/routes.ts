import { z } from 'zod';
import type { CursorCodec } from '#platform/http/cursor.ts';
import { type Route, route } from '#platform/http/route.ts';
import type { OrderPosition } from './repository.ts';
import { OrderBody, OrderId, OrderListQuery, OrderPageBody, toOrderBody, toOrderSummaryBody } from './schema.ts';
import type { OrderService } from './service.ts';

/** A position as the cursor carries it. */
const CursorContent = z.object({ t: z.int(), i: z.uuid() });

const OrderParams = z.strictObject({ id: OrderId });

export function orderRoutes(orders: OrderService, cursors: CursorCodec): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/orders',
      summary: 'Own orders, newest first',
      tag: 'Orders',
      access: 'user',
      request: { query: OrderListQuery },
      response: OrderPageBody,
      paged: true,
      handle: async ({ query: { status, limit, cursor } }, { userId }) => {
        const binding = `orders ${userId} ${status ?? ''}`;
        const after = cursor === undefined ? undefined : toPosition(cursors.decode(binding, cursor));
        const page = await orders.listOrders(userId, status, limit, after);
        return {
          data: page.orders.map(toOrderSummaryBody),
          page: { limit, nextCursor: page.next ? cursors.encode(binding, toContent(page.next)) : null },
        };
      },
    }),
    route({
      method: 'get',
      path: '/api/v1/orders/{id}',
      summary: 'One order with its history',
      tag: 'Orders',
      access: 'user',
      request: { params: OrderParams },
      response: OrderBody,
      etag: ({ version }) => `"${version}"`,
      errors: [404],
      handle: async ({ params }, caller) => toOrderBody(await orders.getOrder(params.id, caller)),
    }),
    route({
      method: 'post',
      path: '/api/v1/orders/{id}/cancellation',
      summary: 'Cancel an order',
      description: 'Possible until processing ends. Its stock returns exactly once.',
      tag: 'Orders',
      access: 'user',
      request: { params: OrderParams },
      response: OrderBody,
      errors: [404, 409],
      handle: async ({ params }, caller) => toOrderBody(await orders.cancel(params.id, caller)),
    }),
  ];
}

function toContent({ createdAt, id }: OrderPosition): z.output<typeof CursorContent> {
  return { t: createdAt.getTime(), i: id };
}

function toPosition(content: unknown): OrderPosition {
  const { t, i } = CursorContent.parse(content);
  return { createdAt: new Date(t), id: i };
}
