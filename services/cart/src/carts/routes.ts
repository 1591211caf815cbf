import { type Route, route } from '#platform/http/route.ts';
import {
  AddItem,
  CartBody,
  CartPath,
  ItemPath,
  OrderReference,
  Restoration,
  SetItem,
  TakenLines,
  toCartBody,
  toTakenLines,
} from './schema.ts';
import type { Carts } from './service.ts';

export function cartRoutes(carts: Carts): Route[] {
  return [
    route({
      method: 'post',
      path: '/api/v1/cart',
      summary: 'The cart to shop with',
      tag: 'Cart',
      access: 'user',
      response: CartBody,
      handle: async (_input, { userId }) => toCartBody(await carts.getCart(userId)),
    }),
    route({
      method: 'get',
      path: '/api/v1/cart',
      summary: "The cart at today's prices",
      description:
        'A user without a cart gets an empty one. Without the product service it is 503, never an old price.',
      tag: 'Cart',
      access: 'user',
      response: CartBody,
      handle: async (_input, { userId }) => toCartBody(await carts.getCart(userId)),
    }),
    route({
      method: 'delete',
      path: '/api/v1/cart',
      summary: 'Take everything out',
      tag: 'Cart',
      access: 'user',
      response: CartBody,
      handle: async (_input, { userId }) => toCartBody(await carts.clear(userId)),
    }),
    route({
      method: 'post',
      path: '/api/v1/cart/items',
      summary: 'Add to what is there',
      description:
        '404 `product_not_found`. 409 `insufficient_stock` (with `productId`, `requested`, the resulting quantity, and `available`) ' +
        'or `cart_full`. 400 at `/quantity` when the item would exceed 999.',
      tag: 'Cart',
      access: 'user',
      request: { body: AddItem },
      status: 201,
      response: CartBody,
      errors: [404, 409],
      handle: async ({ body }, { userId }) => toCartBody(await carts.addItem(userId, body.productId, body.quantity)),
    }),
    route({
      method: 'put',
      path: '/api/v1/cart/items/{productId}',
      summary: 'Set how many there are',
      description: 'A product that is not in the cart is put there; 0 removes it. Refused as when adding.',
      tag: 'Cart',
      access: 'user',
      request: { params: ItemPath, body: SetItem },
      response: CartBody,
      errors: [404, 409],
      handle: async ({ params, body }, { userId }) =>
        toCartBody(await carts.setItem(userId, params.productId, body.quantity)),
    }),
    route({
      method: 'delete',
      path: '/api/v1/cart/items/{productId}',
      summary: 'Take an item out',
      description: 'An item that is not there is no error: the answer is the cart.',
      tag: 'Cart',
      access: 'user',
      request: { params: ItemPath },
      response: CartBody,
      handle: async ({ params }, { userId }) => toCartBody(await carts.removeItem(userId, params.productId)),
    }),
    route({
      method: 'post',
      path: '/internal/carts/{userId}/take',
      summary: 'Empty the cart for an order',
      tag: 'Internal',
      access: { services: ['order'], scope: 'carts:take' },
      request: { params: CartPath, body: OrderReference },
      response: TakenLines,
      handle: async ({ params, body }) => toTakenLines(await carts.take(params.userId, body.orderId)),
    }),
    route({
      method: 'post',
      path: '/internal/carts/{userId}/restore',
      summary: 'Put back what an order took',
      tag: 'Internal',
      access: { services: ['order'], scope: 'carts:restore' },
      request: { params: CartPath, body: OrderReference },
      response: Restoration,
      handle: async ({ params, body }) => ({ restored: await carts.restore(params.userId, body.orderId) }),
    }),
  ];
}
