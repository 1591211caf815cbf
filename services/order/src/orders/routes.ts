import type { z } from 'zod';
import type { CursorCodec } from '#platform/http/cursor.ts';
import { type Route, route } from '#platform/http/route.ts';
import { readTimeCursor, toTimeCursor } from '#platform/http/time-cursor.ts';
import { allowedTransitions } from './order.ts';
import { invalidTransition, orderContended, orderNotFound } from './refusals.ts';
import {
  AdminOrderListQuery,
  OrderBody,
  OrderListQuery,
  OrderPageBody,
  OrderParams,
  TransitionBody,
  toOrderBody,
  toOrderETag,
  toOrderSummaryBody,
} from './schema.ts';
import type { OrderPage, OrderService } from './service.ts';

export function orderRoutes(orders: OrderService, cursors: CursorCodec): Route[] {
  function toPageBody({ orders, next }: OrderPage, binding: string, limit: number): z.output<typeof OrderPageBody> {
    const nextCursor = toTimeCursor(cursors, binding, next);
    return { data: orders.map(toOrderSummaryBody), page: { limit, nextCursor } };
  }

  return [
    route({
      method: 'get',
      path: '/api/v1/orders',
      summary: 'Your orders, newest first',
      tag: 'Orders',
      access: 'user',
      request: { query: OrderListQuery },
      response: OrderPageBody,
      paged: true,
      handle: async ({ query: { status, limit, cursor } }, { userId }) => {
        const binding = `orders ${userId} ${status ?? ''}`;
        const after = readTimeCursor(cursors, binding, cursor);
        return toPageBody(await orders.listOrders(userId, status, limit, after), binding, limit);
      },
    }),
    route({
      method: 'get',
      path: '/api/v1/admin/orders',
      summary: 'All orders of a day, newest first',
      tag: 'Orders',
      access: 'admin',
      request: { query: AdminOrderListQuery },
      response: OrderPageBody,
      paged: true,
      handle: async ({ query: { status, day, limit, cursor } }) => {
        const binding = `admin orders ${status ?? ''} ${day ?? ''}`;
        const after = readTimeCursor(cursors, binding, cursor);
        // A walk through today's orders that continues after midnight stays with the day it started on.
        const listed = day ?? (after?.at ?? new Date()).toISOString().slice(0, 10);
        return toPageBody(await orders.listOrdersOfDay(listed, status, limit, after), binding, limit);
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
      etag: toOrderETag,
      errors: [orderNotFound()],
      handle: async ({ params }, caller) => toOrderBody(await orders.getOrder(params.id, caller)),
    }),
    route({
      method: 'post',
      path: '/api/v1/orders/{id}/cancellation',
      summary: 'Cancel an order',
      description: 'Possible until processing ends. The stock is returned exactly once.',
      tag: 'Orders',
      access: 'user',
      request: { params: OrderParams },
      response: OrderBody,
      etag: toOrderETag,
      errors: [
        orderNotFound(),
        invalidTransition('shipped', 'cancelled', allowedTransitions('shipped')),
        orderContended(),
      ],
      handle: async ({ params }, caller) => toOrderBody(await orders.cancel(params.id, caller)),
    }),
    route({
      method: 'post',
      path: '/api/v1/orders/{id}/transitions',
      summary: "Change an order's status",
      description:
        'To its next status, or to `cancelled`, which returns the stock exactly once. Only the checkout decides whether an order is ' +
        'confirmed or rejected. 409 `invalid_transition` lists what is `allowed`. From its new status the order moves on by itself.',
      tag: 'Orders',
      access: 'admin',
      request: { params: OrderParams, body: TransitionBody },
      response: OrderBody,
      etag: toOrderETag,
      errors: [
        orderNotFound(),
        invalidTransition('confirmed', 'shipped', allowedTransitions('confirmed')),
        orderContended(),
      ],
      handle: async ({ params, body }, { userId }) =>
        toOrderBody(await orders.transition(params.id, body.to, body.reason, userId)),
    }),
  ];
}
