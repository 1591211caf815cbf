import path from 'node:path';
import { request } from 'undici';
import { readSigningKeys } from '#platform/auth/keys.ts';
import { issueUserToken } from '#platform/auth/user-token.ts';
import { ensureKeys } from '../src/keys.ts';
import { checkPorts } from '../src/ports.ts';
import { createShop, newAccount, type Page, type Product, type ProductSummary, SOMEWHERE } from '../src/shop-client.ts';
import type { Store } from '../src/store.ts';
import { type BareCheckout, createBareCheckout } from './bare/checkout.ts';
import { type BareProcess, startBareExpress, startBareNginx } from './bare/processes.ts';
import type { Comparison } from './comparison.ts';
import { type Read, readsOf, repeated, workedOff } from './loads.ts';

/** The comparisons, and the processes started for them. */
export interface Comparisons {
  readonly list: readonly Comparison[];
  stop(): Promise<void>;
}

interface Place {
  /** For files that the comparisons need. */
  readonly folder: string;
  /** Two free ports, this one and the next. */
  readonly port: number;
  readonly currency: string;
}

type Headers = Readonly<Record<string, string>>;

export const LIST = '/api/v1/products';
/** Enough that two conditional writes rarely meet at one product. */
const PRODUCTS = 1000;
/** Units in stock of each. */
const ENOUGH = 20;
const CARTS = 100;
const LINES_OF_A_CART = 3;
const AT_ONCE = 16;
/** Checkouts in one turn. */
const CHECKOUTS = 100;

/** Requests go to the services directly, as to the bare ones; only what Nginx caches is requested from Nginx. */
export async function prepareComparisons(store: Store, { folder, port, currency }: Place): Promise<Comparisons> {
  const own = { host: '127.0.0.1', use: 'the bare versions', setting: 'PORT' };
  await checkPorts([
    { ...own, port },
    { ...own, port: port + 1 },
  ]);
  const ids = await listProductIds(store.baseUrl);
  const files = {
    '/list.json': await read(store.baseUrl, LIST),
    '/product.json': await read(store.baseUrl, `${LIST}/${ids[0]}`),
  };
  const place = (name: string, at: number) => ({ folder: path.join(folder, name), port: at });
  await using started = new AsyncDisposableStack();
  const stoppedInTheEnd = <Part extends { stop(): Promise<void> }>(part: Part) =>
    started.adopt(part, () => part.stop());
  const express = stoppedInTheEnd(await startBareExpress(store, currency, place('bare-express', port)));
  const nginx = stoppedInTheEnd(await startBareNginx(files, place('bare-nginx', port + 1)));
  const checkout = stoppedInTheEnd(await createBareCheckout(store, currency));
  const shopper = await createShoppers(store);
  const parts = { store, folder, ids, express, nginx, checkout, shopper, currency };
  const list = [
    ...(await fromCache(parts)),
    ...(await fromDatabase(parts)),
    await cartRead(parts),
    cartWrite(parts),
    await signIn(parts),
    purchase(parts),
  ];
  const whatRuns = started.move();
  return { list, stop: () => whatRuns.disposeAsync() };
}

interface Parts {
  readonly store: Store;
  readonly folder: string;
  readonly ids: readonly string[];
  readonly express: BareProcess;
  readonly nginx: BareProcess;
  readonly checkout: BareCheckout;
  readonly shopper: Shoppers;
  readonly currency: string;
}

async function fromCache({ store, folder, ids, nginx }: Parts): Promise<Comparison[]> {
  const compareFile = async (name: string, asked: string, file: string): Promise<Comparison> => ({
    name,
    against: 'Nginx with the same bytes in a file',
    store: {
      load: await readsOf(store.baseUrl, [{ path: asked }], folder),
      processes: pidsOf(store, 'nginx', 'product'),
    },
    bare: { load: await readsOf(nginx.url, [{ path: file }], folder), processes: [nginx.pid] },
    atLeast: 0.7,
  });
  return [
    await compareFile('cached list', LIST, '/list.json'),
    await compareFile('cached product', `${LIST}/${ids[0]}`, '/product.json'),
  ];
}

async function fromDatabase({ store, folder, ids, express }: Parts): Promise<Comparison[]> {
  const [product] = store.urls.product as readonly [string];
  const compareReads = async (name: string, asked: Read[], bare: Read[], atLeast: number): Promise<Comparison> => ({
    name,
    against: 'Express and the same query',
    store: { load: await readsOf(product, asked, folder), processes: pidsOf(store, 'product') },
    bare: { load: await readsOf(express.url, bare, folder), processes: [express.pid] },
    atLeast,
  });
  const each = (prefix: string) => ids.map((id) => ({ path: `${prefix}/${id}` }));
  return [
    await compareReads('list', [{ path: LIST }], [{ path: '/list' }], 0.7),
    await compareReads('product', each(LIST), each('/product'), 0.75),
  ];
}

/** Different shoppers with different products. */
async function cartRead({ store, folder, ids, express, shopper }: Parts): Promise<Comparison> {
  const [cart] = store.urls.cart as readonly [string];
  const users = Array.from({ length: CARTS }, () => crypto.randomUUID());
  for (const [at, userId] of users.entries()) {
    for (let line = 0; line < LINES_OF_A_CART; line += 1) {
      await shopper.addItem(userId, pick(ids, at * LINES_OF_A_CART + line));
    }
  }
  const asked = users.map((userId) => ({ path: '/api/v1/cart', token: shopper.tokenOf(userId) }));
  const bare = users.map((userId) => ({ path: `/cart/${userId}` }));
  return {
    name: 'cart',
    against: 'Express and one query',
    store: {
      load: await readsOf(cart, asked, folder),
      processes: pidsOf(store, 'cart', 'product'),
    },
    bare: { load: await readsOf(express.url, bare, folder), processes: [express.pid] },
    atLeast: 0.5,
  };
}

/** Each time in another shopper's cart of a few lines; the bare version writes a new row. */
function cartWrite({ store, ids, express, shopper }: Parts): Comparison {
  const users = Array.from({ length: CARTS }, () => crypto.randomUUID());
  const line = (productId: string) => ({
    product_id: productId,
    sku: 'SKU',
    name: 'Name',
    image: null,
    quantity: 1,
    unit_price_minor: 1999,
  });
  return {
    name: 'add to cart',
    against: 'Express and one conditional write',
    store: {
      load: repeated(AT_ONCE, (number) =>
        shopper.addItem(pick(users, number), pick(ids, Math.floor(number / CARTS) % LINES_OF_A_CART)),
      ),
      processes: pidsOf(store, 'cart', 'product'),
    },
    bare: {
      load: repeated(AT_ONCE, (number) =>
        post(`${express.url}/cart/${crypto.randomUUID()}`, line(pick(ids, number)), 201),
      ),
      processes: [express.pid],
    },
    atLeast: 0.4,
    atLeastPerSecond: 400,
  };
}

/** One at a time: the number of concurrent hashes is a limit that the store sets, not its speed. */
async function signIn({ store, express }: Parts): Promise<Comparison> {
  const { email, password, name } = newAccount('bench');
  await createShop(store.baseUrl).register({ email, password, name });
  const [user] = store.urls.user as readonly [string];
  return {
    name: 'sign-in',
    against: 'Express, one query and bcrypt',
    store: {
      load: repeated(1, () => post(`${user}/api/v1/auth/login`, { email, password }, 200)),
      processes: pidsOf(store, 'user'),
    },
    bare: { load: repeated(1, () => post(`${express.url}/login`, { email, password }, 200)), processes: [express.pid] },
    atLeast: 0.75,
  };
}

function purchase({ store, ids, checkout, shopper }: Parts): Comparison {
  const users = Array.from({ length: CHECKOUTS }, () => crypto.randomUUID());
  return {
    name: 'checkout',
    against: "the driver's conditional writes",
    store: {
      load: workedOff(
        AT_ONCE,
        CHECKOUTS,
        async (number) => {
          const userId = pick(users, number);
          await shopper.addItem(userId, pick(ids, number));
          return userId;
        },
        (userId) => shopper.order(userId),
      ),
      processes: pidsOf(store, 'order', 'cart', 'product'),
    },
    bare: {
      load: workedOff(AT_ONCE, CHECKOUTS, (number) => checkout.fillCart(pick(ids, number)), checkout.place),
      processes: [process.pid],
    },
    atLeast: 0.5,
  };
}

interface Shoppers {
  tokenOf(userId: string): string;
  addItem(userId: string, productId: string): Promise<void>;
  order(userId: string): Promise<void>;
}

/** Shoppers with tokens signed by the store's own key: hashing at sign-in would hide everything else. */
async function createShoppers(store: Store): Promise<Shoppers> {
  const [key] = readSigningKeys((await ensureKeys(path.join(store.dataDir, 'keys'))).userKeys);
  const { cart, order } = store.urls;
  const sessionId = crypto.randomUUID();
  const known = new Map<string, string>();
  const tokenOf = (userId: string) => {
    const token = known.get(userId) ?? issueUserToken({ userId, sessionId, role: 'user' }, key);
    known.set(userId, token);
    return token;
  };
  const headersOf = (userId: string) => ({ authorization: `Bearer ${tokenOf(userId)}` });
  return {
    tokenOf,
    addItem: (userId, productId) =>
      post(`${cart[0]}/api/v1/cart/items`, { productId, quantity: 1 }, 201, headersOf(userId)),
    order: (userId) =>
      post(`${order[0]}/api/v1/orders`, SOMEWHERE, 201, {
        ...headersOf(userId),
        'idempotency-key': crypto.randomUUID(),
      }),
  };
}

/** Sends JSON, and expects one status. */
async function post(url: string, content: object, expected: number, headers: Headers = {}): Promise<void> {
  const { statusCode, body } = await request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(content),
  });
  const text = await body.text();
  if (statusCode !== expected) throw new Error(`POST ${url} returned ${statusCode}: ${text}`);
}

export async function read(baseUrl: string, file: string): Promise<string> {
  const response = await fetch(`${baseUrl}${file}`);
  if (!response.ok) throw new Error(`${file} returned ${response.status}.`);
  return response.text();
}

/** Products with enough stock for every round. */
async function listProductIds(baseUrl: string): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor = ''; ids.length < PRODUCTS; ) {
    const page = JSON.parse(await read(baseUrl, `${LIST}?inStock=true&limit=100${cursor}`)) as Page<ProductSummary>;
    const products = page.data.map(async ({ id }) => JSON.parse(await read(baseUrl, `${LIST}/${id}`)) as Product);
    ids.push(...(await Promise.all(products)).filter(({ stock }) => stock.available >= ENOUGH).map(({ id }) => id));
    if (page.page.nextCursor === null) throw new Error(`The bench needs ${PRODUCTS} products with stock.`);
    cursor = `&cursor=${encodeURIComponent(page.page.nextCursor)}`;
  }
  return ids.slice(0, PRODUCTS);
}

export function pidsOf(store: Store, ...names: readonly ('nginx' | 'product' | 'cart' | 'order' | 'user')[]): number[] {
  return names.flatMap((name) => (name === 'nginx' ? [store.gateway.pid] : store.services[name].map(({ pid }) => pid)));
}

function pick<Item>(items: readonly Item[], number: number): Item {
  return items[number % items.length] as Item;
}
