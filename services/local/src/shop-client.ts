import { performance } from 'node:perf_hooks';
import { Pool } from 'undici';

/** An amount in minor units of an ISO 4217 currency. */
export interface Money {
  readonly amount: number;
  readonly currency: string;
}

export interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly status: number;
}

export interface Account {
  readonly email: string;
  readonly password: string;
  readonly name: string;
}

export interface Profile {
  readonly id: string;
  readonly email: string;
  readonly role: 'user' | 'admin';
}

/** A user as an admin sees it. */
export interface User extends Profile {
  readonly name: string;
  readonly status: 'active' | 'disabled';
}

export type UserChange = Partial<Pick<User, 'role' | 'status'>>;

export interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
}

export interface ProductSummary {
  readonly id: string;
  readonly sku: string;
  readonly name: string;
  readonly price: Money;
  readonly stock: { readonly inStock: boolean };
}

export interface Product extends Omit<ProductSummary, 'stock'> {
  readonly stock: { readonly available: number; readonly inStock: boolean };
}

export interface Page<Item> {
  readonly data: readonly Item[];
  readonly page: { readonly limit: number; readonly nextCursor: string | null };
}

export interface Cart {
  readonly id: string;
  readonly items: readonly {
    readonly productId: string;
    readonly quantity: number;
    readonly unitPrice: Money;
    readonly available: number;
  }[];
  readonly itemCount: number;
  readonly total: Money;
  readonly version: number;
}

/** A guest's new cart; its token is shown only here. */
export interface GuestCart extends Cart {
  readonly cartToken: string;
}

export interface Order {
  readonly id: string;
  readonly status: 'pending' | 'confirmed' | 'processing' | 'shipped' | 'delivered' | 'cancelled' | 'rejected';
  readonly items: readonly { readonly productId: string; readonly quantity: number }[];
  readonly total: Money;
  readonly version: number;
}

export interface PlaceOrder {
  readonly shippingAddress: {
    readonly name: string;
    readonly line1: string;
    readonly line2?: string;
    readonly city: string;
    readonly postalCode: string;
    readonly country: string;
  };
  readonly expectedTotal?: Money;
}

/** A request and its response. `body` has the shape of a success; in a refusal it is a Problem. */
export interface Answer<Body = unknown> {
  readonly method: string;
  /** Path and query as sent. */
  readonly path: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Parsed if it is JSON, undefined if there is none, otherwise text. */
  readonly body: Body;
  readonly ms: number;
}

export interface Sent {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Query | undefined;
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Sent as JSON. */
  readonly body?: unknown;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** The public API, through Nginx. Every status is an answer; only a broken connection throws. */
export interface Shop {
  readonly baseUrl: string;
  send<Body>(request: Sent): Promise<Answer<Body>>;
  register(account: Account): Promise<Answer<Profile>>;
  login(account: Pick<Account, 'email' | 'password'>): Promise<Answer<Tokens>>;
  refresh(refreshToken: string): Promise<Answer<Tokens>>;
  logout(refreshToken: string): Promise<Answer<undefined>>;
  listProducts(query?: Query): Promise<Answer<Page<ProductSummary>>>;
  product(id: string): Promise<Answer<Product>>;
  /** The same shop, with a user's access token. */
  as(token: string): Shopper;
  close(): Promise<void>;
}

export interface Shopper {
  profile(): Promise<Answer<Profile>>;
  changePassword(currentPassword: string, newPassword: string): Promise<Answer<undefined>>;
  cart(): Promise<Answer<Cart>>;
  addItem(productId: string, quantity: number): Promise<Answer<Cart>>;
  setItem(productId: string, quantity: number): Promise<Answer<Cart>>;
  removeItem(productId: string): Promise<Answer<Cart>>;
  clearCart(): Promise<Answer<Cart>>;
  placeOrder(idempotencyKey: string, request?: PlaceOrder): Promise<Answer<Order>>;
  order(id: string): Promise<Answer<Order>>;
  listOrders(query?: Query): Promise<Answer<Page<Order>>>;
  cancel(orderId: string): Promise<Answer<Order>>;
  listUsers(query?: Query): Promise<Answer<Page<User>>>;
  user(id: string): Promise<Answer<User>>;
  changeUser(id: string, change: UserChange): Promise<Answer<User>>;
}

export interface ShopOptions {
  /** Kept alive; further requests wait. */
  readonly connections?: number;
  /** By then an answer must have begun. */
  readonly timeoutMs?: number;
  /** Sees every answer before the caller does, and may throw. */
  onAnswer?(answer: Answer): void;
}

/** Where a test's or a self-check's orders go. */
export const SOMEWHERE: PlaceOrder = {
  shippingAddress: {
    name: 'Sam Shopper',
    line1: '1 Main Street',
    city: 'Springfield',
    postalCode: '12345',
    country: 'US',
  },
};

export function createShop(
  baseUrl: string,
  { connections = 64, timeoutMs = 10_000, onAnswer }: ShopOptions = {},
): Shop {
  const pool = new Pool(baseUrl, { connections, headersTimeout: timeoutMs, bodyTimeout: timeoutMs });

  async function send<Body>({ method, path, query, token, headers, body }: Sent): Promise<Answer<Body>> {
    const target = `${path}${toQueryString(query)}`;
    const startedAt = performance.now();
    const response = await pool.request({
      method,
      path: target,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await response.body.text();
    const answer = {
      method,
      path: target,
      status: response.statusCode,
      headers: toPlainHeaders(response.headers),
      body: parse(text, response.headers['content-type']) as Body,
      ms: performance.now() - startedAt,
    };
    onAnswer?.(answer);
    return answer;
  }

  function as(token: string): Shopper {
    const mine = <Body>(method: Sent['method'], path: string, rest: Partial<Sent> = {}) =>
      send<Body>({ method, path, token, ...rest });
    return {
      profile: () => mine('GET', '/api/v1/auth/profile'),
      changePassword: (currentPassword, newPassword) =>
        mine('POST', '/api/v1/auth/password', { body: { currentPassword, newPassword } }),
      cart: () => mine('GET', '/api/v1/cart'),
      addItem: (productId, quantity) => mine('POST', '/api/v1/cart/items', { body: { productId, quantity } }),
      setItem: (productId, quantity) => mine('PUT', `/api/v1/cart/items/${productId}`, { body: { quantity } }),
      removeItem: (productId) => mine('DELETE', `/api/v1/cart/items/${productId}`),
      clearCart: () => mine('DELETE', '/api/v1/cart'),
      placeOrder: (key, request = SOMEWHERE) =>
        mine('POST', '/api/v1/orders', { headers: { 'idempotency-key': key }, body: request }),
      order: (id) => mine('GET', `/api/v1/orders/${id}`),
      listOrders: (query) => mine('GET', '/api/v1/orders', { query }),
      cancel: (orderId) => mine('POST', `/api/v1/orders/${orderId}/cancellation`),
      listUsers: (query) => mine('GET', '/api/v1/users', { query }),
      user: (id) => mine('GET', `/api/v1/users/${id}`),
      changeUser: (id, change) => mine('PATCH', `/api/v1/users/${id}`, { body: change }),
    };
  }

  const post = <Body>(path: string, body: unknown) => send<Body>({ method: 'POST', path, body });
  return {
    baseUrl,
    send,
    register: (account) => post('/api/v1/auth/register', account),
    login: ({ email, password }) => post('/api/v1/auth/login', { email, password }),
    refresh: (refreshToken) => post('/api/v1/auth/refresh', { refresh_token: refreshToken }),
    logout: (refreshToken) => post('/api/v1/auth/logout', { refresh_token: refreshToken }),
    listProducts: (query) => send({ method: 'GET', path: '/api/v1/products', query }),
    product: (id) => send({ method: 'GET', path: `/api/v1/products/${id}` }),
    as,
    close: () => pool.close(),
  };
}

/** A new shopper's account, with an unused address. */
export function newAccount(prefix = 'shopper'): Account {
  return {
    email: `${prefix}-${crypto.randomUUID()}@example.com`,
    password: `pass-${crypto.randomUUID()}`,
    name: 'Sam Shopper',
  };
}

/** The body of an answer with one of `statuses`; throws an Error that says what came instead. */
export function bodyOf<Body>(answer: Answer<Body>, ...statuses: readonly number[]): Body {
  if (statuses.includes(answer.status)) return answer.body;
  const { code, detail } = (answer.body ?? {}) as Partial<Problem>;
  const why = code === undefined ? '' : ` (${code}: ${detail})`;
  throw new Error(`${answer.method} ${answer.path} gave ${answer.status}${why}, not ${statuses.join(' or ')}.`);
}

/** The code of a refusal; undefined for any other answer. */
export function codeOf({ body }: Answer): string | undefined {
  return (body as Partial<Problem> | undefined)?.code;
}

function toQueryString(query: Query | undefined): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  return parameters.size === 0 ? '' : `?${parameters}`;
}

function toPlainHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): Answer['headers'] {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  );
}

function parse(text: string, contentType: string | string[] | undefined): unknown {
  if (text === '') return undefined;
  return /[/+]json\b/.test(String(contentType)) ? JSON.parse(text) : text;
}
