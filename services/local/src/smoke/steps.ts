import {
  type Account,
  type Answer,
  type Order,
  type Page,
  type Product,
  type ProductSummary,
  type Sent,
  SOMEWHERE,
  type Tokens,
} from '../shop-client.ts';
import type { Step } from './walk.ts';

/** What the walk knows, and learns as it goes. */
export interface ShopperWalk {
  readonly account: Account;
  /** Undefined when nobody said how an admin signs in. */
  readonly admin: Pick<Account, 'email' | 'password'> | undefined;
  token?: string;
  refreshToken?: string;
  adminToken?: string;
  productId?: string;
  orderId?: string;
}

/** A shopper's way through the shop, and an admin's beside it, in an order in which each step finds what it needs. */
export const STEPS: readonly Step<ShopperWalk>[] = [
  step('GET /.well-known/jwks.json', [200], () => ({})),
  step('POST /api/v1/auth/register', [201], ({ account }) => ({ body: account })),
  step(
    'POST /api/v1/auth/login',
    [200],
    ({ account: { email, password } }) => ({ body: { email, password } }),
    keepTokens,
  ),
  step(
    'POST /api/v1/auth/refresh',
    [200],
    (walk) => ({ body: { refresh_token: get(walk, 'refreshToken') } }),
    keepTokens,
  ),
  step('GET /api/v1/auth/profile', [200], (walk) => ({ token: get(walk, 'token') })),
  step('PATCH /api/v1/auth/profile', [200], (walk) => ({ token: get(walk, 'token'), body: { name: 'Sam Smoke' } })),

  step('GET /api/v1/categories', [200], () => ({})),
  step(
    'GET /api/v1/products',
    [200],
    () => ({ query: { inStock: true, sort: 'price', limit: 5 } }),
    (answer: Answer<Page<ProductSummary>>, walk) => {
      const [first] = answer.body.data;
      if (!first) throw new Error('no product is in stock: seed the store');
      walk.productId = first.id;
    },
  ),
  step('GET /api/v1/products/{id}', [200], withProduct, (answer: Answer<Product>) => {
    if (!answer.body.stock.inStock) throw new Error('the product that the list shows as in stock is sold out');
  }),

  step('POST /api/v1/cart', [200], (walk) => ({ token: get(walk, 'token') })),
  step('POST /api/v1/cart/items', [201], (walk) => ({
    token: get(walk, 'token'),
    body: { productId: get(walk, 'productId'), quantity: 2 },
  })),
  step('GET /api/v1/cart', [200], (walk) => ({ token: get(walk, 'token') })),
  step('PUT /api/v1/cart/items/{productId}', [200], (walk) => ({ ...cartItem(walk), body: { quantity: 3 } })),
  step('DELETE /api/v1/cart/items/{productId}', [200], cartItem),
  step('DELETE /api/v1/cart', [200], (walk) => ({ token: get(walk, 'token') })),
  step('PUT /api/v1/cart/items/{productId}', [200], (walk) => ({ ...cartItem(walk), body: { quantity: 1 } })),

  step(
    'POST /api/v1/orders',
    [201, 202],
    (walk) => ({ token: get(walk, 'token'), headers: { 'idempotency-key': crypto.randomUUID() }, body: SOMEWHERE }),
    (answer: Answer<Order>, walk) => {
      walk.orderId = answer.body.id;
    },
  ),
  step('GET /api/v1/orders/{id}', [200], (walk) => ({ ...order(walk), token: get(walk, 'token') })),
  step('GET /api/v1/orders', [200], (walk) => ({ token: get(walk, 'token') })),
  step(
    'POST /api/v1/auth/login',
    [200],
    ({ admin }) => {
      if (!admin) throw new Error('nobody said how an admin signs in: set ADMIN_EMAIL and ADMIN_PASSWORD');
      return { body: admin };
    },
    (answer: Answer<Tokens>, walk) => {
      walk.adminToken = answer.body.access_token;
    },
  ),
  step('GET /api/v1/orders/{id}', [200], (walk) => ({ ...order(walk), token: get(walk, 'adminToken') })),
  step('POST /api/v1/orders/{id}/cancellation', [200], (walk) => {
    const { path } = order(walk);
    return { path: `${path}/cancellation`, token: get(walk, 'token') };
  }),
  step('POST /api/v1/auth/logout', [204], (walk) => ({ body: { refresh_token: get(walk, 'refreshToken') } })),
];

/** `request` leaves out what the operation says already. */
function step<Body>(
  operation: string,
  statuses: readonly number[],
  request: (walk: ShopperWalk) => Partial<Sent>,
  learn?: (answer: Answer<Body>, walk: ShopperWalk) => void,
): Step<ShopperWalk> {
  const [method, path] = operation.split(' ') as [Sent['method'], string];
  return {
    operation,
    statuses,
    request: (walk) => ({ method, path, ...request(walk) }),
    ...(learn && { learn: (answer, walk) => learn(answer as Answer<Body>, walk) }),
  };
}

function keepTokens({ body }: Answer<Tokens>, walk: ShopperWalk): void {
  walk.token = body.access_token;
  walk.refreshToken = body.refresh_token;
}

function withProduct(walk: ShopperWalk): Partial<Sent> {
  return { path: `/api/v1/products/${get(walk, 'productId')}` };
}

function cartItem(walk: ShopperWalk): Partial<Sent> {
  return { path: `/api/v1/cart/items/${get(walk, 'productId')}`, token: get(walk, 'token') };
}

function order(walk: ShopperWalk): { path: string } {
  return { path: `/api/v1/orders/${get(walk, 'orderId')}` };
}

type Learned = 'token' | 'refreshToken' | 'adminToken' | 'productId' | 'orderId';

function get(walk: ShopperWalk, what: Learned): string {
  const value = walk[what];
  if (value === undefined) throw new Error(`not sent: an earlier step gave no ${what}`);
  return value;
}
