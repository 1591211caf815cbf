import { check } from 'k6';
import http, { type RefinedResponse } from 'k6/http';

/** As in monitoring/slo.json: the class of a request in the thresholds. */
export type RouteClass = 'browse' | 'product' | 'cart' | 'checkout' | 'auth';

type Answer = RefinedResponse<'text'>;

interface Call {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly body?: object;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** With any other status the request has failed. */
  readonly expected: readonly number[];
}

export interface Session {
  readonly token: string;
  /** ms since the epoch. */
  readonly endsAt: number;
}

export interface Purchase {
  readonly status: number;
  /** The order's status, or the code of the refusal. */
  readonly outcome: string;
}

const STORE = __ENV.STORE_URL ?? 'http://localhost:8080';
/** A token isn't used for the last of its lifetime. */
const MARGIN_MS = 30_000;
const ADDRESS = { name: 'Load Test', line1: '1 Main Street', city: 'Springfield', postalCode: '12345', country: 'US' };

/** `name` is the pattern of the path, so that metrics have few names. */
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

/** One page of products, and the cursor of the next. */
export function listProducts(query: string): { readonly ids: string[]; readonly nextCursor: string | null } {
  const response = send('browse', '/api/v1/products', `/api/v1/products?${query}`, { expected: [200] });
  if (response.status !== 200) return { ids: [], nextCursor: null };
  const { data, page } = JSON.parse(response.body) as { data: { id: string }[]; page: { nextCursor: string | null } };
  return { ids: data.map(({ id }) => id), nextCursor: page.nextCursor };
}

/** The number of all listed products. */
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

/** Undefined if it was refused, which the thresholds count. */
export function signIn(email: string, password: string): Session | undefined {
  const body = { email, password };
  const response = send('auth', '/api/v1/auth/login', '/api/v1/auth/login', { method: 'POST', body, expected: [200] });
  if (response.status !== 200) return undefined;
  const { access_token: token, expires_in: seconds } = JSON.parse(response.body) as {
    access_token: string;
    expires_in: number;
  };
  return { token, endsAt: Date.now() + seconds * 1000 - MARGIN_MS };
}

export function viewCart(token: string): void {
  send('cart', '/api/v1/cart', '/api/v1/cart', { token, expected: [200] });
}

/** False if the product is sold out by now, which is rightly refused with 409. */
export function addToCart(token: string, productId: string, quantity = 1): boolean {
  const body = { productId, quantity };
  const call = { method: 'POST', body, token, expected: [201, 409] } as const;
  return send('cart', '/api/v1/cart/items', '/api/v1/cart/items', call).status === 201;
}

export function clearCart(token: string): void {
  send('cart', '/api/v1/cart', '/api/v1/cart', { method: 'DELETE', token, expected: [200] });
}

/** Places the cart as an order: 201; 202 if it takes over 2 s; 409 if something in it has been sold out meanwhile. */
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

/** As an admin, creates a product with `stock` units and returns its id; ends the run if that fails. */
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
  if (response.status !== 201) throw new Error(`The product for the sale wasn't created: ${response.body}`);
  return (JSON.parse(response.body) as { id: string }).id;
}
