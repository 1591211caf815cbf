import { randomUUID } from 'node:crypto';
import { newAccount, type Sent, SOMEWHERE } from '../../src/shop-client.ts';
import type { Operation } from './operations.ts';
import { type Caller, type Member, type People, ROLES, type Role } from './people.ts';

/** The status that each role gets for a valid request; several where it depends on timing, as for an order that advances by itself. */
type Expected = Readonly<Record<Role, number | readonly number[]>>;

interface Line {
  readonly expected: Expected;
  /** A valid request about something that `owner` or the shop has; method and path come from the operation if left out. */
  request(around: Around): Promise<Partial<Sent>> | Partial<Sent>;
}

interface Around {
  readonly people: People;
  readonly operation: Operation;
  readonly owner: Member;
  /** Who sends the request; what they must own for it exists too. */
  readonly caller: Caller;
}

const everyone = (status: number): Expected => ({
  nobody: status,
  guest: status,
  stranger: status,
  owner: status,
  admin: status,
});
const users = (status: number | readonly number[]): Expected => ({
  nobody: 401,
  guest: 401,
  stranger: status,
  owner: status,
  admin: status,
});
const carts = (status: number): Expected => ({ ...everyone(status), nobody: 401 });
const owners = (status: number | readonly number[]): Expected => ({ ...users(status), stranger: 404 });
const admins = (status: number | readonly number[]): Expected => ({ ...users(403), admin: status });

/** The price of every product here. */
const PRICE = { amount: 1999, currency: 'USD' };

/** Every public operation by name: who may call it, and a valid request. From api.md, not from the code. */
const LINES: Readonly<Record<string, Line>> = {
  'GET /api/v1/products': { expected: everyone(200), request: () => ({ query: { limit: 2 } }) },
  'GET /api/v1/products/{id}': {
    expected: everyone(200),
    request: async ({ people }) => ({ path: `/api/v1/products/${(await people.newProduct()).id}` }),
  },
  'POST /api/v1/products': {
    expected: admins(201),
    request: async ({ people }) => ({ body: newProduct((await people.newProduct()).category) }),
  },
  'PATCH /api/v1/products/{id}': {
    expected: admins(200),
    request: async (around) => ({
      ...(await aProduct(around)),
      body: { name: 'Another name', price: PRICE, attributes: {} },
    }),
  },
  'DELETE /api/v1/products/{id}': { expected: admins(204), request: aProduct },
  'POST /api/v1/products/{id}/stock-adjustments': {
    expected: admins(200),
    request: async ({ people }) => ({
      path: `/api/v1/products/${(await people.newProduct()).id}/stock-adjustments`,
      headers: { 'idempotency-key': randomUUID() },
      body: { quantity: 5, reason: 'A delivery' },
    }),
  },
  'GET /api/v1/categories': { expected: everyone(200), request: () => ({}) },
  'GET /front-page.json': { expected: everyone(200), request: () => ({}) },
  'POST /api/v1/categories': {
    expected: admins(201),
    request: () => ({ body: { slug: `things-${randomUUID()}`, name: 'Things' } }),
  },
  'PATCH /api/v1/categories/{slug}': {
    expected: admins(200),
    request: async (around) => ({ ...(await aCategory(around)), body: { name: 'Other things' } }),
  },
  'DELETE /api/v1/categories/{slug}': { expected: admins(204), request: aCategory },

  'POST /api/v1/cart': { expected: { ...everyone(200), nobody: 201, guest: 201 }, request: () => ({}) },
  'GET /api/v1/cart': { expected: carts(200), request: () => ({}) },
  'DELETE /api/v1/cart': { expected: carts(200), request: () => ({}) },
  'POST /api/v1/cart/items': {
    expected: carts(201),
    request: async ({ people }) => ({ body: { productId: (await people.newProduct()).id, quantity: 1 } }),
  },
  'PUT /api/v1/cart/items/{productId}': {
    expected: carts(200),
    request: async (around) => ({ ...(await anItem(around)), body: { quantity: 2 } }),
  },
  'DELETE /api/v1/cart/items/{productId}': { expected: carts(200), request: anItem },
  'POST /api/v1/cart/merge': {
    expected: users(200),
    request: async ({ people }) => ({ body: { cartToken: await people.newGuestCart() } }),
  },

  'POST /api/v1/orders': {
    expected: users([201, 202]),
    request: async ({ people, owner, caller }) => {
      if (caller.token !== undefined) await people.fillCart(caller);
      // Others' carts may hold more.
      const expectedTotal = caller.token === owner.token ? PRICE : undefined;
      return {
        headers: { 'idempotency-key': randomUUID() },
        body: { ...SOMEWHERE, ...(expectedTotal && { expectedTotal }) },
      };
    },
  },
  'GET /api/v1/orders': { expected: users(200), request: () => ({ query: { limit: 2 } }) },
  'GET /api/v1/orders/{id}': { expected: owners(200), request: anOrder },
  'POST /api/v1/orders/{id}/cancellation': { expected: owners([200, 409]), request: anOrder },
  'POST /api/v1/orders/{id}/transitions': {
    expected: admins([200, 409]),
    request: async (around) => ({ ...(await anOrder(around)), body: { to: 'processing' } }),
  },
  'GET /api/v1/admin/orders': { expected: admins(200), request: () => ({ query: { limit: 2 } }) },
  'GET /api/v1/admin/audit': {
    expected: admins(200),
    request: ({ operation: { service } }) => ({ query: { entity: service === 'cart' ? 'user' : service } }),
  },

  'POST /api/v1/auth/register': { expected: everyone(201), request: () => ({ body: newAccount() }) },
  'POST /api/v1/auth/login': {
    expected: everyone(200),
    request: ({ owner: { account } }) => ({ body: { email: account.email, password: account.password } }),
  },
  'POST /api/v1/auth/refresh': { expected: everyone(200), request: withSession },
  'POST /api/v1/auth/logout': { expected: everyone(204), request: withSession },
  'GET /api/v1/auth/profile': { expected: users(200), request: () => ({}) },
  'PATCH /api/v1/auth/profile': {
    expected: users(200),
    request: () => ({ body: { name: 'Another Name' } }),
  },
  'POST /api/v1/auth/password': {
    expected: { ...users(403), owner: 204 },
    request: ({ owner: { account } }) => ({
      body: { currentPassword: account.password, newPassword: `new-${randomUUID()}` },
    }),
  },
  'GET /api/v1/users': { expected: admins(200), request: () => ({ query: { limit: 2 } }) },
  'GET /api/v1/users/{id}': {
    expected: admins(200),
    request: ({ owner: { userId } }) => ({ path: `/api/v1/users/${userId}` }),
  },
  'PATCH /api/v1/users/{id}': {
    expected: admins(200),
    request: ({ owner: { userId } }) => ({ path: `/api/v1/users/${userId}`, body: { role: 'user' } }),
  },
  'GET /.well-known/jwks.json': { expected: everyone(200), request: () => ({}) },
};

/** A valid request, and who sends it. */
export interface RightRequest {
  readonly sent: Sent;
  readonly owner: Member;
  readonly caller: Caller;
  readonly expected: readonly number[];
}

export function hasRightRequest({ name }: Operation): boolean {
  return name in LINES;
}

/** Operations that are listed here but in no document. */
export function namesWithout(operations: readonly Operation[]): string[] {
  return Object.keys(LINES).filter((known) => !operations.some(({ name }) => name === known));
}

/** A valid request for an operation by someone with that role; creates all that it needs. */
export async function rightRequest(people: People, operation: Operation, role: Role): Promise<RightRequest> {
  const line = LINES[operation.name];
  if (!line) throw new Error(`right-requests.ts has no line for ${operation.name}.`);
  const needsAccount = /^\/api\/v1\/(?:auth|users)\b/.test(operation.path);
  const owner = needsAccount ? await people.newMember() : people.newShopper();
  const caller = await people.callerOf(role, owner);
  const { method, path } = operation;
  const { headers, ...request } = await line.request({ people, operation, owner, caller });
  const expected = [line.expected[role]].flat();
  return {
    sent: { method, path, ...request, ...caller, headers: { ...headers, ...caller.headers } },
    owner,
    caller,
    expected,
  };
}

/** Like `rightRequest`, for the first role that is allowed. */
export async function allowedRequest(people: People, operation: Operation): Promise<RightRequest> {
  const line = LINES[operation.name];
  const isAllowed = (role: Role) =>
    [line?.expected[role] ?? 500].flat().every((status) => status < 300 || status === 409);
  return rightRequest(people, operation, (['owner', ...ROLES] as const).find(isAllowed) ?? 'admin');
}

async function aProduct({ people }: Around): Promise<Partial<Sent>> {
  return { path: `/api/v1/products/${(await people.newProduct()).id}`, headers: { 'if-match': '"1"' } };
}

async function aCategory({ people }: Around): Promise<Partial<Sent>> {
  const { slug, etag } = await people.newCategory();
  return { path: `/api/v1/categories/${slug}`, headers: { 'if-match': etag } };
}

async function anItem({ people, caller }: Around): Promise<Partial<Sent>> {
  const isNobody = caller.token === undefined && caller.headers === undefined;
  const productId = isNobody ? randomUUID() : await people.fillCart(caller);
  return { path: `/api/v1/cart/items/${productId}` };
}

async function anOrder({ people, owner, operation }: Around): Promise<Partial<Sent>> {
  return { path: operation.path.replace('{id}', (await people.newOrder(owner)).id) };
}

function withSession({ owner }: Around): Partial<Sent> {
  return { body: { refresh_token: owner.refreshToken } };
}

function newProduct(category: string) {
  return {
    sku: `NEW-${randomUUID()}`,
    name: 'A new thing',
    category,
    price: PRICE,
    stock: 3,
    images: ['https://images.example/new.jpg'],
    attributes: { colour: 'red' },
  };
}
