import {
  type Account,
  type Answer,
  type Cart,
  type GuestCart,
  type Order,
  type Page,
  type Product,
  type ProductSummary,
  type Profile,
  type Sent,
  SOMEWHERE,
  type Tokens,
} from '../shop-client.ts';
import type { Step } from './walk.ts';

/** What the walk knows and learns. */
export interface ShopperWalk {
  readonly account: Account;
  /** Undefined if the admin's password is unknown. */
  readonly admin: Pick<Account, 'email' | 'password'> | undefined;
  userId?: string;
  token?: string;
  refreshToken?: string;
  adminToken?: string;
  productId?: string;
  cartToken?: string;
  orderId?: string;
  currency?: string;
  categorySlug?: string;
  newProductId?: string;
}

/** A shopper's and an admin's way through the shop, in an order in which each step finds what it needs. */
export const STEPS: readonly Step<ShopperWalk>[] = [
  step('GET /.well-known/jwks.json', [200], () => ({})),
  step(
    'POST /api/v1/auth/register',
    [201],
    ({ account }) => ({ body: account }),
    ({ body }: Answer<Profile>, walk) => {
      walk.userId = body.id;
    },
  ),
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
  step('POST /api/v1/auth/password', [204], (walk) => ({
    token: get(walk, 'token'),
    body: { currentPassword: walk.account.password, newPassword: `${walk.account.password}-2` },
  })),

  step('GET /api/v1/categories', [200], () => ({})),
  step('GET /front-page.json', [200], () => ({})),
  step(
    'GET /api/v1/products',
    [200],
    () => ({ query: { inStock: true, sort: 'price', limit: 5 } }),
    (answer: Answer<Page<ProductSummary>>, walk) => {
      const [first] = answer.body.data;
      if (!first) throw new Error('no product is in stock: seed the store');
      walk.productId = first.id;
      walk.currency = first.price.currency;
    },
  ),
  step('GET /api/v1/products/{id}', [200], withProduct, (answer: Answer<Product>) => {
    if (!answer.body.stock.inStock) throw new Error('the list shows this product in stock, but it is sold out');
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
  step(
    'POST /api/v1/cart',
    [201],
    () => ({}),
    (answer: Answer<GuestCart>, walk) => {
      walk.cartToken = answer.body.cartToken;
    },
  ),
  step('POST /api/v1/cart/items', [201], (walk) => ({
    headers: { 'x-cart-token': get(walk, 'cartToken') },
    body: { productId: get(walk, 'productId'), quantity: 1 },
  })),
  step('GET /api/v1/cart', [200], (walk) => ({ headers: { 'x-cart-token': get(walk, 'cartToken') } })),
  step(
    'POST /api/v1/cart/merge',
    [200],
    (walk) => ({ token: get(walk, 'token'), body: { cartToken: get(walk, 'cartToken') } }),
    (answer: Answer<Cart>) => {
      if (answer.body.itemCount !== 1) throw new Error("what was in the guest's cart is not in the user's");
    },
  ),

  placeOrder(),
  step('GET /api/v1/orders/{id}', [200], (walk) => ({ ...order(walk), token: get(walk, 'token') })),
  step('GET /api/v1/orders', [200], (walk) => ({ token: get(walk, 'token') })),
  step(
    'POST /api/v1/auth/login',
    [200],
    ({ admin }) => {
      if (!admin) throw new Error("the admin's password is unknown: set ADMIN_EMAIL and ADMIN_PASSWORD");
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
  step('PUT /api/v1/cart/items/{productId}', [200], (walk) => ({ ...cartItem(walk), body: { quantity: 1 } })),
  placeOrder(),
  step('GET /api/v1/admin/orders', [200], (walk) => ({ token: get(walk, 'adminToken'), query: { limit: 5 } })),
  step('POST /api/v1/orders/{id}/transitions', [200], (walk) => {
    const { path } = order(walk);
    const body = { to: 'cancelled', reason: 'It was placed by a check.' };
    return { path: `${path}/transitions`, token: get(walk, 'adminToken'), body };
  }),
  // Leaves nothing behind.
  step(
    'POST /api/v1/categories',
    [201],
    (walk) => ({ token: get(walk, 'adminToken'), body: { slug: `smoke-${crypto.randomUUID()}`, name: 'Smoke' } }),
    ({ body: { slug } }: Answer<{ slug: string }>, walk) => {
      walk.categorySlug = slug;
    },
  ),
  step('PATCH /api/v1/categories/{slug}', [200], (walk) => ({
    ...category(walk),
    headers: { 'if-match': '"1"' },
    body: { name: 'Smoke, renamed' },
  })),
  step(
    'POST /api/v1/products',
    [201],
    (walk) => ({
      token: get(walk, 'adminToken'),
      body: {
        sku: `SMOKE-${crypto.randomUUID()}`,
        name: 'Made by a check',
        category: get(walk, 'categorySlug'),
        price: { amount: 100, currency: get(walk, 'currency') },
        stock: 1,
      },
    }),
    ({ body: { id } }: Answer<Product>, walk) => {
      walk.newProductId = id;
    },
  ),
  step('PATCH /api/v1/products/{id}', [200], (walk) => ({
    ...newProduct(walk),
    headers: { 'if-match': '"1.1"' },
    body: { name: 'Changed by a check', brand: null },
  })),
  step('POST /api/v1/products/{id}/stock-adjustments', [200], (walk) => {
    const { path, token } = newProduct(walk);
    const headers = { 'idempotency-key': crypto.randomUUID() };
    return { path: `${path}/stock-adjustments`, token, headers, body: { quantity: -1, reason: 'Counted by a check' } };
  }),
  step('DELETE /api/v1/products/{id}', [204], (walk) => ({ ...newProduct(walk), headers: { 'if-match': '"2"' } })),
  step('DELETE /api/v1/categories/{slug}', [204], (walk) => ({ ...category(walk), headers: { 'if-match': '"2"' } })),
  ...['order', 'product', 'user'].map((entity) =>
    step('GET /api/v1/admin/audit', [200], (walk) => ({ token: get(walk, 'adminToken'), query: { entity } })),
  ),
  step('GET /api/v1/users', [200], (walk) => ({ token: get(walk, 'adminToken'), query: { limit: 5 } })),
  step('GET /api/v1/users/{id}', [200], (walk) => ({ ...user(walk), token: get(walk, 'adminToken') })),
  step('PATCH /api/v1/users/{id}', [200], (walk) => ({
    ...user(walk),
    token: get(walk, 'adminToken'),
    body: { status: 'disabled' },
  })),
  step('POST /api/v1/auth/logout', [204], (walk) => ({ body: { refresh_token: get(walk, 'refreshToken') } })),
];

/** `request` omits the method and a fixed path, which the operation has. */
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

function placeOrder(): Step<ShopperWalk> {
  return step(
    'POST /api/v1/orders',
    [201, 202],
    (walk) => ({ token: get(walk, 'token'), headers: { 'idempotency-key': crypto.randomUUID() }, body: SOMEWHERE }),
    (answer: Answer<Order>, walk) => {
      walk.orderId = answer.body.id;
    },
  );
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

function category(walk: ShopperWalk): { path: string; token: string } {
  return { path: `/api/v1/categories/${get(walk, 'categorySlug')}`, token: get(walk, 'adminToken') };
}

function newProduct(walk: ShopperWalk): { path: string; token: string } {
  return { path: `/api/v1/products/${get(walk, 'newProductId')}`, token: get(walk, 'adminToken') };
}

function user(walk: ShopperWalk): { path: string } {
  return { path: `/api/v1/users/${get(walk, 'userId')}` };
}

type Learned = Exclude<keyof ShopperWalk, 'account' | 'admin'>;

function get(walk: ShopperWalk, what: Learned): string {
  const value = walk[what];
  if (value === undefined) throw new Error(`not sent: an earlier step gave no ${what}`);
  return value;
}
