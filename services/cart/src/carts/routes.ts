import { outcomeUnknown } from '#platform/errors.ts';
import { Reply, type Route, route } from '#platform/http/route.ts';
import { MAX_LINES } from './cart.ts';
import { cartBusy, cartFull, cartNotFound, insufficientStock, productNotFound } from './refusals.ts';
import {
  AddItemBody,
  CartBody,
  CartParams,
  EXAMPLE_PRODUCT_ID,
  GuestCartBody,
  ItemParams,
  MergeCartBody,
  OpenedCartBody,
  OrderReferenceBody,
  RestorationBody,
  SetItemBody,
  TakenLinesBody,
  toCartBody,
  toTakenLines,
} from './schema.ts';
import type { CartService } from './service.ts';

/** A signed-in user, or a guest by token; Bearer wins. */
const OWNER = { userOr: 'X-Cart-Token' } as const;

const CHANGE_REFUSALS = [cartBusy(), outcomeUnknown('cart')];
const ITEM_REFUSALS = [
  productNotFound(),
  insufficientStock(EXAMPLE_PRODUCT_ID, 3, 2),
  cartFull(EXAMPLE_PRODUCT_ID, MAX_LINES),
  ...CHANGE_REFUSALS,
];

export function cartRoutes(carts: CartService): Route[] {
  return [
    route({
      method: 'post',
      path: '/api/v1/cart',
      summary: 'Open a cart',
      description: 'A signed-in user gets their own cart; anyone else a new one, and the token that opens it.',
      tag: 'Cart',
      access: { userOr: 'anyone' },
      response: OpenedCartBody,
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
      summary: 'The cart at current prices',
      description:
        'A user without a cart gets an empty one. Prices and stock are current; in a busy store they may be up to a second old. Never ' +
        'older: without the product service the answer is 503.',
      tag: 'Cart',
      access: OWNER,
      response: CartBody,
      handle: async (_input, owner) => toCartBody(await carts.getCart(owner)),
    }),
    route({
      method: 'delete',
      path: '/api/v1/cart',
      summary: 'Empty the cart',
      tag: 'Cart',
      access: OWNER,
      response: CartBody,
      errors: CHANGE_REFUSALS,
      handle: async (_input, owner) => toCartBody(await carts.clear(owner)),
    }),
    route({
      method: 'post',
      path: '/api/v1/cart/items',
      summary: 'Add an item',
      description:
        'Adds to the quantity in the cart. 404 `product_not_found`. 409 `insufficient_stock` (with `productId`, `requested`, the ' +
        'resulting quantity, and `available`) or `cart_full`. 400 at `/quantity` when the resulting quantity would exceed 999.',
      tag: 'Cart',
      access: OWNER,
      request: { body: AddItemBody },
      status: 201,
      response: CartBody,
      errors: ITEM_REFUSALS,
      handle: async ({ body }, owner) => toCartBody(await carts.addItem(owner, body.productId, body.quantity)),
    }),
    route({
      method: 'put',
      path: '/api/v1/cart/items/{productId}',
      summary: 'Set the quantity of an item',
      description: 'Adds the product if it is not in the cart; 0 removes it. Refused for the same reasons as adding.',
      tag: 'Cart',
      access: OWNER,
      request: { params: ItemParams, body: SetItemBody },
      response: CartBody,
      errors: ITEM_REFUSALS,
      handle: async ({ params, body }, owner) =>
        toCartBody(await carts.setItem(owner, params.productId, body.quantity)),
    }),
    route({
      method: 'delete',
      path: '/api/v1/cart/items/{productId}',
      summary: 'Remove an item',
      description: 'Removing an item that is not in the cart is no error.',
      tag: 'Cart',
      access: OWNER,
      request: { params: ItemParams },
      response: CartBody,
      errors: CHANGE_REFUSALS,
      handle: async ({ params }, owner) => toCartBody(await carts.removeItem(owner, params.productId)),
    }),
    route({
      method: 'post',
      path: '/api/v1/cart/merge',
      summary: "Merge a guest's cart",
      description:
        "Quantities add up, to at most 999 an item and 100 items. A guest's cart is merged into one user's cart, once: a second merge " +
        'changes nothing. Its token no longer opens it.',
      tag: 'Cart',
      access: 'user',
      request: { body: MergeCartBody },
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
      request: { params: CartParams, body: OrderReferenceBody },
      response: TakenLinesBody,
      errors: CHANGE_REFUSALS,
      handle: async ({ params, body }) => toTakenLines(await carts.take(params.userId, body.orderId)),
    }),
    route({
      method: 'post',
      path: '/internal/carts/{userId}/restore',
      summary: 'Put back what an order took',
      tag: 'Internal',
      access: { services: ['order'], scope: 'carts:restore' },
      request: { params: CartParams, body: OrderReferenceBody },
      response: RestorationBody,
      errors: CHANGE_REFUSALS,
      handle: async ({ params, body }) => ({ restored: await carts.restore(params.userId, body.orderId) }),
    }),
  ];
}
