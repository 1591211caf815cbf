import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { smokeStore } from '../src/commands/smoke.ts';
import { createShop, newAccount, type ProductSummary, type Shop, SOMEWHERE } from '../src/shop-client.ts';
import type { RunningStore } from './running-store.ts';

/** ms between two requests by one visitor. */
const PAUSE = 50;
/** ms; after a hundred failures a day from one address, nobody there can sign in. */
const BETWEEN_MISTAKES = 5000;

/**
 * What happens in a shop, all at once, until `signal` aborts: people browse, fill carts, order, cancel, mistype passwords and request what
 * doesn't exist; one visitor calls every operation, as a shopper and as an admin.
 */
export async function everydayTraffic(running: RunningStore, signal: AbortSignal): Promise<void> {
  const { store, settings } = running;
  const shop = createShop(store.baseUrl);
  const admin = { email: settings.adminEmail, password: settings.adminPassword as string };
  const everything = () => smokeStore({ baseUrl: store.baseUrl, dataDir: store.dataDir, admin });
  const visits = [
    () => lookAround(shop),
    () => buy(running, shop),
    () => buy(running, shop),
    () => mistype(shop),
    everything,
  ];
  await Promise.all(visits.map((visit) => repeat(visit, signal)));
  await shop.close();
}

async function repeat(visit: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await visit();
    await sleep(PAUSE);
  }
}

async function lookAround(shop: Shop): Promise<void> {
  const [product] = await listSomething(shop);
  const path = `/api/v1/products/${product?.id}`;
  const { headers } = await shop.send({ method: 'GET', path });
  await sleep(PAUSE);
  await shop.send({ method: 'GET', path, headers: { 'if-none-match': headers.etag as string } });
  await shop.send({ method: 'GET', path: '/api/v1/categories' });
  await shop.product(randomUUID());
  await shop.listProducts({ q: 'not searchable yet' });
  await shop.send({ method: 'GET', path: '/nothing/here' });
}

async function buy({ newShopper }: RunningStore, shop: Shop): Promise<void> {
  const products = await listSomething(shop);
  const shopper = newShopper();
  for (const { id } of products.slice(0, 2)) await shopper.addItem(id, 1);
  await shopper.setItem(products[0]?.id as string, 999);
  await shopper.setItem(products[0]?.id as string, 2);
  await shopper.cart();
  const key = randomUUID();
  const { status, body } = await shopper.placeOrder(key);
  await shopper.placeOrder(key);
  await shopper.placeOrder(key, { shippingAddress: { ...SOMEWHERE.shippingAddress, city: 'Elsewhere' } });
  if (status === 201 && Math.random() < 0.3) await shopper.cancel(body.id);
  await shopper.listOrders();
}

async function mistype(shop: Shop): Promise<void> {
  const { email } = newAccount();
  await shop.login({ email, password: 'not the password' });
  await shop.refresh('not-a-token');
  await sleep(BETWEEN_MISTAKES);
}

/** Products of a list that the cache may not have. */
async function listSomething(shop: Shop): Promise<readonly ProductSummary[]> {
  const limit = 5 + Math.floor(Math.random() * 20);
  const { body } = await shop.listProducts({ inStock: true, sort: 'price', limit });
  return body.data;
}
