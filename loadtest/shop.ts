import { check } from 'k6';
import http, { type RefinedResponse } from 'k6/http';

/** As in monitoring/slo.json: what a request counts as in the thresholds. */
export type RouteClass = 'browse' | 'product' | 'cart' | 'checkout' | 'auth';

type Answer = RefinedResponse<'text'>;

interface Call {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly body?: object;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Any other status is a failed request. */
  readonly expected: readonly number[];
}

export interface Session {
  readonly token: string;
  /** ms since the epoch. */
  readonly endsAt: number;
}

export interface Purchase {
  readonly status: number;
  /** Of the order, or the code of the refusal. */
  readonly outcome: string;
}

const STORE = __ENV.STORE_URL ?? 'http://localhost:8080';
/** ms before its end at which a token is no longer used. */
const MARGIN = 30_000;
const ADDRESS = { name: 'Load Test', line1: '1 Main Street', city: 'Springfield', postalCode: '12345', country: 'US' };

/** `name` is the path's pattern, so that metrics have few names. */
function send(routeClass: RouteClass, name: string, path: string, call: Call): Answer {
  const { method = 'GET', body, token, headers = {}, expected } = call;
  const response = http.request(method, `${STORE}${path}`, body === undefined ? null : JSON.stringify(body), {
    headers: {
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...headers,
    },
    tags: { class: routeClass, name: `${method} ${name}` },
    responseType: 'text',
    responseCallback: http.expectedStatuses(...expected),
  }) as Answer;
  check(response, { 'answered as expected': ({ status }) => expected.includes(status) }, { class: routeClass });
  return response;
}

/** One page of products, and the address of the next. */
export function listProducts(query: string): { readonly ids: string[]; readonly nextCursor: string | null } {
  const response = send('browse', '/api/v1/products', `/api/v1/products?${query}`, { expected: [200] });
  if (response.status !== 200) return { ids: [], nextCursor: null };
  const { data, page } = JSON.parse(response.body) as { data: { id: string }[]; page: { nextCursor: string | null } };
  return { ids: data.map(({ id }) => id), nextCursor: page.nextCursor };
}

/** Of all products that can be listed. */
export function countProducts(): number {
  const response = send('browse', '/front-page.json', '/front-page.json', { expected: [200] });
  return response.status === 200 ? (JSON.parse(response.body) as { products: number }).products : 0;
}

/** Slugs of all categories. */
export function listCategories(): string[] {
  interface Category {
    readonly slug: string;
    readonly children: readonly Category[];
  }
  const response = send('browse', '/api/v1/categories', '/api/v1/categories', { expected: [200] });
  const slugs = (categories: readonly Category[]): string[] =>
    categories.flatMap(({ slug, children }) => [slug, ...slugs(children)]);
  return slugs((JSON.parse(response.body) as { data: Category[] }).data);
}

export function viewProduct(id: string): void {
  send('product', '/api/v1/products/{id}', `/api/v1/products/${id}`, { expected: [200] });
}

/** Undefined when it was refused, which the thresholds count. */
export function signIn(email: string, password: string): Session | undefined {
  const body = { email, password };
  const response = send('auth', '/api/v1/auth/login', '/api/v1/auth/login', { method: 'POST', body, expected: [200] });
  if (response.status !== 200) return undefined;
  const { access_token: token, expires_in: seconds } = JSON.parse(response.body) as {
    access_token: string;
    expires_in: number;
  };
  return { token, endsAt: Date.now() + seconds * 1000 - MARGIN };
}

export function viewCart(token: string): void {
  send('cart', '/api/v1/cart', '/api/v1/cart', { token, expected: [200] });
}

/** What is sold out by now is refused with 409, as it should be. */
export function addToCart(token: string, productId: string, quantity = 1): boolean {
  const body = { productId, quantity };
  const call = { method: 'POST', body, token, expected: [201, 409] } as const;
  return send('cart', '/api/v1/cart/items', '/api/v1/cart/items', call).status === 201;
}

export function clearCart(token: string): void {
  send('cart', '/api/v1/cart', '/api/v1/cart', { method: 'DELETE', token, expected: [200] });
}

/** Places the cart as an order: 201, 202 when it takes over 2 s, 409 when what is in it was sold meanwhile. */
export function placeOrder(token: string, key: string): Purchase {
  const call = {
    method: 'POST',
    body: { shippingAddress: ADDRESS },
    token,
    headers: { 'Idempotency-Key': key },
    expected: [201, 202, 409],
  } as const;
  const { status, body } = send('checkout', '/api/v1/orders', '/api/v1/orders', call);
  const { status: order, code } = JSON.parse(body || '{}') as { status?: string; code?: string };
  return { status, outcome: String(status < 400 ? order : code) };
}

/** By an admin: a product of which there are `stock` pieces. Gives its id; ends the run when it can't be made. */
export function createProduct(token: string, stock: number, category: string): string {
  const body = {
    sku: `FLASH-${Date.now()}`,
    name: 'Flash sale',
    category,
    price: { amount: 999, currency: __ENV.CURRENCY ?? 'USD' },
    stock,
  };
  const call = { method: 'POST', body, token, expected: [201] } as const;
  const response = send('product', '/api/v1/products', '/api/v1/products', call);
  if (response.status !== 201) throw new Error(`The product for the sale wasn't made: ${response.body}`);
  return (JSON.parse(response.body) as { id: string }).id;
}
