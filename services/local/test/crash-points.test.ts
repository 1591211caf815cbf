import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import supertest from 'supertest';
import { type CheckoutStores, startCheckoutStores, UNIT_PRICE } from '../test-support/checkout-stores.ts';
import type { Death } from '../test-support/dying-platform.ts';
import { userToken } from '../test-support/service-config.ts';

const ADDRESS = { name: 'Ada', line1: '1 Street', city: 'London', postalCode: 'N1', country: 'GB' };
const UNITS = 10;
const QUANTITY = 3;
/** ms within which every order must be decided after the fault. */
const SETTLED_WITHIN = 60_000;
/** Crashes at a time; each is a process of its own with its own order. */
const AT_ONCE = 6;

/** One shopper with a cart of two lines, and one key. */
interface Shopper {
  readonly token: string;
  readonly key: string;
  readonly products: readonly [string, string];
}

interface Answer {
  readonly status: number;
  readonly body: {
    readonly id: string;
    readonly status: string;
    readonly code: string;
    readonly total: { amount: number };
  };
}

interface Crash {
  readonly shopper: Shopper;
  readonly point: string;
  orderId?: string;
}

let stores: CheckoutStores;

before(async () => {
  stores = await startCheckoutStores();
});
after(() => stores.stop());

test('wherever order, cart or product stops during a checkout, the order is decided exactly once, and everything adds up', async () => {
  const crashes: Crash[] = [];
  for (const name of ['order', 'cart', 'product'] as const) {
    const points = await countEffects(name);
    assert.ok(points >= 2, `${name} has ${points} effects`);
    crashes.push(...(await pLimit(AT_ONCE).map(deaths(points), (death) => crashDuringCheckout(name, death))));
  }
  stores.startRecovery();
  await Promise.all(crashes.map((crash) => assertDecided(crash)));
});

test('wherever order or product stops during a cancellation, the order ends cancelled or untouched, and the stock returns once', async () => {
  const crashes: { shopper: Shopper; orderId: string; point: string; answered: number }[] = [];
  for (const name of ['order', 'product'] as const) {
    const points = await countCancellationEffects(name);
    assert.ok(points >= 2, `${name} has ${points} effects`);
    crashes.push(...(await pLimit(AT_ONCE).map(deaths(points), (death) => crashDuringCancellation(name, death))));
  }
  const statuses = await Promise.all(crashes.map((crash) => assertCancelledOrUntouched(crash)));
  assert.ok(statuses.includes('cancelled'));
});

function deaths(points: number): Death[] {
  const effects = Array.from({ length: points }, (_, index) => index + 1);
  return effects.flatMap((effect) => [
    { effect, when: 'before' },
    { effect, when: 'after' },
  ]);
}

async function countEffects(name: 'order' | 'cart' | 'product'): Promise<number> {
  const counting = await stores.startDying(name);
  const orderUrl =
    name === 'order' ? counting.url : (await stores.startDying('order', undefined, { [name]: counting.url })).url;
  const shopper = await newShopper();
  const answer = await placeOrder(orderUrl, shopper);
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  return counting.platform?.effects.length ?? 0;
}

async function countCancellationEffects(name: 'order' | 'product'): Promise<number> {
  const shopper = await newShopper();
  const placed = await placeOrder(stores.urls.order, shopper);
  assert.equal(placed.status, 201);
  const counting = await stores.startDying(name);
  const orderUrl =
    name === 'order' ? counting.url : (await stores.startDying('order', undefined, { product: counting.url })).url;
  const answer = await cancel(orderUrl, shopper, placed.body.id);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return counting.platform?.effects.length ?? 0;
}

async function newShopper(): Promise<Shopper> {
  const products = [await stores.createProduct(UNITS), await stores.createProduct(UNITS)] as const;
  const shopper = { token: userToken(), key: randomUUID(), products };
  for (const productId of products) {
    const added = await supertest(stores.urls.cart)
      .post('/api/v1/cart/items')
      .set('Authorization', `Bearer ${shopper.token}`)
      .send({ productId, quantity: QUANTITY });
    assert.equal(added.status, 201, JSON.stringify(added.body));
  }
  return shopper;
}

/** A dead service may never respond; a live one has sent its 202 long before this. */
async function placeOrder(url: string, { token, key }: Shopper): Promise<Answer> {
  const request = supertest(url)
    .post('/api/v1/orders')
    .set('Authorization', `Bearer ${token}`)
    .set('Idempotency-Key', key)
    .send({ shippingAddress: ADDRESS });
  return request.timeout(8000);
}

async function cancel(url: string, { token }: Shopper, orderId: string): Promise<Answer> {
  return supertest(url)
    .post(`/api/v1/orders/${orderId}/cancellation`)
    .set('Authorization', `Bearer ${token}`)
    .timeout(8000);
}

async function crashDuringCheckout(name: 'order' | 'cart' | 'product', death: Death): Promise<Crash> {
  const shopper = await newShopper();
  const dying = await stores.startDying(name, death);
  const orderUrl =
    name === 'order' ? dying.url : (await stores.startDying('order', undefined, { [name]: dying.url })).url;
  const answer = await placeOrder(orderUrl, shopper);
  const point = `${name} dies ${death.when} effect ${death.effect}, ${dying.platform?.effects.at(-1)}`;
  assert.ok(dying.platform?.isDead(), point);
  assert.notEqual(answer.status, 409, `${point}: ${JSON.stringify(answer.body)}`);
  return { shopper, point, ...(answer.status < 300 && { orderId: answer.body.id }) };
}

async function crashDuringCancellation(name: 'order' | 'product', death: Death) {
  const shopper = await newShopper();
  const placed = await placeOrder(stores.urls.order, shopper);
  assert.equal(placed.status, 201, JSON.stringify(placed.body));
  const dying = await stores.startDying(name, death);
  const orderUrl =
    name === 'order' ? dying.url : (await stores.startDying('order', undefined, { product: dying.url })).url;
  const answer = await cancel(orderUrl, shopper, placed.body.id);
  const point = `${name} dies ${death.when} effect ${death.effect}, ${dying.platform?.effects.at(-1)}`;
  assert.ok(dying.platform?.isDead(), point);
  return { shopper, orderId: placed.body.id, point, answered: answer.status };
}

/** Retries the key until the order is decided: it must always give the same order, and match the stock. */
async function assertDecided({ shopper, point, orderId }: Crash): Promise<void> {
  const order = await settle(shopper, point);
  if (orderId) assert.equal(order.id, orderId, `${point}: another order for the same key`);
  assert.equal(order.status, 'confirmed', point);
  assert.equal(order.total.amount, 2 * QUANTITY * UNIT_PRICE, point);
  for (const productId of shopper.products) {
    const expected = { available: UNITS - QUANTITY, reserved: 0, sold: QUANTITY };
    assert.deepEqual(await stores.readStock(productId), expected, point);
  }
  assert.equal((await cartOf(shopper)).itemCount, 0, `${point}: the cart is not empty`);
  await assertListed(shopper, order, point);
}

/** Recovery updates the list if the crash came between decision and list. */
async function assertListed(shopper: Shopper, { id, status }: Answer['body'], point: string): Promise<void> {
  const deadline = Date.now() + SETTLED_WITHIN;
  for (;;) {
    const listed = await ordersOf(shopper);
    if (listed.length === 1 && listed[0]?.id === id && listed[0].status === status) return;
    assert.ok(Date.now() < deadline, `${point}: listed ${JSON.stringify(listed)}`);
    await sleep(500);
  }
}

async function settle(shopper: Shopper, point: string): Promise<Answer['body']> {
  const deadline = Date.now() + SETTLED_WITHIN;
  for (;;) {
    const { status, body } = await placeOrder(stores.urls.order, shopper);
    if ((status === 201 || status === 202) && body.status !== 'pending') return body;
    const isWaiting = status === 202 || (status === 409 && body.code === 'idempotency_in_progress');
    assert.ok(isWaiting, `${point}: ${status} ${JSON.stringify(body)}`);
    assert.ok(Date.now() < deadline, `${point}: still pending`);
    await sleep(500);
  }
}

async function assertCancelledOrUntouched(crash: {
  shopper: Shopper;
  orderId: string;
  point: string;
  answered: number;
}): Promise<string> {
  const { shopper, orderId, point, answered } = crash;
  const deadline = Date.now() + SETTLED_WITHIN;
  for (;;) {
    const { status } = await readOrder(shopper, orderId);
    const stock = await Promise.all(shopper.products.map((productId) => stores.readStock(productId)));
    const listed = (await ordersOf(shopper))[0]?.status;
    const untouched = { available: UNITS - QUANTITY, reserved: 0, sold: QUANTITY };
    const expected = status === 'cancelled' ? { available: UNITS, reserved: 0, sold: 0 } : untouched;
    const addsUp = stock.every((level) => JSON.stringify(level) === JSON.stringify(expected)) && listed === status;
    if (addsUp) {
      assert.ok(
        status === 'cancelled' || (status === 'confirmed' && answered !== 200),
        `${point}: ${status} after ${answered}`,
      );
      return status;
    }
    assert.ok(Date.now() < deadline, `${point}: ${status}, listed ${listed}, ${JSON.stringify(stock)}`);
    await sleep(500);
  }
}

async function readOrder({ token }: Shopper, orderId: string): Promise<{ status: string }> {
  const { body } = await supertest(stores.urls.order)
    .get(`/api/v1/orders/${orderId}`)
    .set('Authorization', `Bearer ${token}`);
  return body;
}

async function ordersOf({ token }: Shopper): Promise<{ id: string; status: string }[]> {
  const { body } = await supertest(stores.urls.order).get('/api/v1/orders').set('Authorization', `Bearer ${token}`);
  return body.data;
}

async function cartOf({ token }: Shopper): Promise<{ itemCount: number }> {
  const { body } = await supertest(stores.urls.cart).get('/api/v1/cart').set('Authorization', `Bearer ${token}`);
  return body;
}
