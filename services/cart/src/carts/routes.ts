import { outcomeUnknown } from '#platform/errors.ts';
import { Reply, type Route, route } from '#platform/http/route.ts';
import { MAX_LINES } from './cart.ts';
import { cartBusy, cartFull, cartNotFound, insufficientStock, productNotFound } from './refusals.ts';
import {
  AddItem,
  CartBody,
  CartPath,
  EXAMPLE_PRODUCT_ID,
  GuestCartBody,
  ItemPath,
  MergeCart,
  OpenedCart,
  OrderReference,
  Restoration,
  SetItem,
  TakenLines,
  toCartBody,
  toTakenLines,
} from './schema.ts';
import type { Carts } from './service.ts';

/** Bearer wins; a guest's token is the other way in. */
const OWNER = { userOr: 'X-Cart-Token' } as const;

const CHANGE_REFUSALS = [cartBusy(), outcomeUnknown('cart')];
const ITEM_REFUSALS = [
  productNotFound(),
  insufficientStock(EXAMPLE_PRODUCT_ID, 3, 2),
  cartFull(EXAMPLE_PRODUCT_ID, MAX_LINES),
  ...CHANGE_REFUSALS,
];

export function cartRoutes(carts: Carts): Route[] {
  return [
    route({
      method: 'post',
      path: '/api/v1/cart',
      summary: 'The cart to shop with',
      description: "A user's own. Who isn't signed in gets a new one, and the token that opens it.",
      tag: 'Cart',
      access: { userOr: 'anyone' },
      response: OpenedCart,
      alternatives: { 201: { description: "A guest's new cart, with its `cartToken`.", response: GuestCartBody } },
      errors: CHANGE_REFUSALS,
      handle: async (_input, user) => {
        if (user) return toCartBody(await carts.getCart(user));
        const { cart, token } = await carts.openGuestCart();
        return new Reply({ ...toCartBody(cart), cartToken: token }, { status: 201 });
      },
    }),
    route({
      method: 'get',
      path: '/api/v1/cart',
      summary: "The cart at today's prices",
      description:
        'A user without a cart gets an empty one. Prices and stock are those of the last second; without the product service it is 503 after ' +
        'that, never an older price.',
      tag: 'Cart',
      access: OWNER,
      response: CartBody,
      handle: async (_input, owner) => toCartBody(await carts.getCart(owner)),
    }),
    route({
      method: 'delete',
      path: '/api/v1/cart',
      summary: 'Take everything out',
      tag: 'Cart',
      access: OWNER,
      response: CartBody,
      errors: CHANGE_REFUSALS,
      handle: async (_input, owner) => toCartBody(await carts.clear(owner)),
    }),
    route({
      method: 'post',
      path: '/api/v1/cart/items',
      summary: 'Add to what is there',
      description:
        '404 `product_not_found`. 409 `insufficient_stock` (with `productId`, `requested`, the resulting quantity, and `available`) ' +
        'or `cart_full`. 400 at `/quantity` when the item would exceed 999.',
      tag: 'Cart',
      access: OWNER,
      request: { body: AddItem },
      status: 201,
      response: CartBody,
      errors: ITEM_REFUSALS,
      handle: async ({ body }, owner) => toCartBody(await carts.addItem(owner, body.productId, body.quantity)),
    }),
    route({
      method: 'put',
      path: '/api/v1/cart/items/{productId}',
      summary: 'Set how many there are',
      description: 'A product that is not in the cart is put there; 0 removes it. Refused as when adding.',
      tag: 'Cart',
      access: OWNER,
      request: { params: ItemPath, body: SetItem },
      response: CartBody,
      errors: ITEM_REFUSALS,
      handle: async ({ params, body }, owner) =>
        toCartBody(await carts.setItem(owner, params.productId, body.quantity)),
    }),
    route({
      method: 'delete',
      path: '/api/v1/cart/items/{productId}',
      summary: 'Take an item out',
      description: 'An item that is not there is no error: the answer is the cart.',
      tag: 'Cart',
      access: OWNER,
      request: { params: ItemPath },
      response: CartBody,
      errors: CHANGE_REFUSALS,
      handle: async ({ params }, owner) => toCartBody(await carts.removeItem(owner, params.productId)),
    }),
    route({
      method: 'post',
      path: '/api/v1/cart/merge',
      summary: "Take in a guest's cart",
      description:
        "Quantities add up, at most 999 a line and 100 lines. A guest's cart comes to one user once: a second merge changes nothing. " +
        'Its token opens it no more.',
      tag: 'Cart',
      access: 'user',
      request: { body: MergeCart },
      response: CartBody,
      errors: [cartNotFound(), ...CHANGE_REFUSALS],
      handle: async ({ body }, { userId }) => toCartBody(await carts.merge(userId, body.cartToken)),
    }),
    route({
      method: 'post',
      path: '/internal/carts/{userId}/take',
      summary: 'Empty the cart for an order',
      tag: 'Internal',
      access: { services: ['order'], scope: 'carts:take' },
      request: { params: CartPath, body: OrderReference },
      response: TakenLines,
      errors: CHANGE_REFUSALS,
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
      errors: CHANGE_REFUSALS,
      handle: async ({ params, body }) => ({ restored: await carts.restore(params.userId, body.orderId) }),
    }),
  ];
}
