// Integration: the answers to placing an order, first and repeated, with real product and cart services.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import supertest from 'supertest';
import { type CheckoutStores, startCheckoutStores, UNIT_PRICE } from '../../local/test-support/checkout-stores.ts';
import { eventually } from '../../local/test-support/eventually.ts';
import { ADDRESS, newShopper } from './support/shopper.ts';
import { type SlowProxy, startSlowProxy } from './support/slow-proxy.ts';

let stores: CheckoutStores;
let product: SlowProxy;
/** An order service that reaches product through the proxy. */
let orderUrl: string;

before(async () => {
  stores = await startCheckoutStores();
  product = await startSlowProxy(stores.urls.product);
  orderUrl = (await stores.startDying('order', undefined, { product: product.url })).url;
  stores.startRecovery();
});

after(async () => {
  await stores.stop();
  await product.close();
});

async function shopperWith(quantity: number, stock = 10) {
  const productId = await stores.createProduct(stock);
  const shopper = newShopper(stores);
  await shopper.add(productId, quantity);
  return { shopper, productId };
}

test('an order takes the cart at current prices, sells the stock, and gives its location and ETag', async () => {
  const { shopper, productId } = await shopperWith(3);
  const { status, headers, body } = await shopper.place();
  assert.equal(status, 201, JSON.stringify(body));
  assert.equal(headers.location, `/api/v1/orders/${body.id}`);
  assert.equal(headers['cache-control'], 'no-store');
  assert.equal(headers['idempotent-replayed'], undefined);
  assert.equal(body.status, 'confirmed');
  assert.deepEqual(body.shippingAddress, ADDRESS);
  assert.deepEqual(body.total, { amount: 3 * UNIT_PRICE, currency: 'USD' });
  assert.equal(body.itemCount, 3);
  const [{ sku: _sku, name: _name, ...line }] = body.items;
  const money = (amount: number) => ({ amount, currency: 'USD' });
  assert.deepEqual(line, { productId, quantity: 3, unitPrice: money(UNIT_PRICE), lineTotal: money(3 * UNIT_PRICE) });
  assert.deepEqual(
    body.history.map((entry: { status: string; actor: string }) => [entry.status, entry.actor]),
    [
      ['pending', shopper.userId],
      ['confirmed', 'system'],
    ],
  );
  assert.deepEqual(await stores.readStock(productId), { available: 7, reserved: 0, sold: 3 });
  assert.equal((await shopper.cart()).itemCount, 0);
});

test('the same key and body gives the same order as it is now, marked as a replay', async () => {
  const { shopper, productId } = await shopperWith(1);
  const key = randomUUID();
  const first = await shopper.place({ key }).expect(201);
  await shopper.cancel(first.body.id).expect(200);
  const again = await shopper.place({ key }).expect(201);
  assert.equal(again.headers['idempotent-replayed'], 'true');
  assert.equal(again.headers.location, first.headers.location);
  assert.equal(again.body.id, first.body.id);
  assert.equal(again.body.status, 'cancelled');
  assert.deepEqual(await stores.readStock(productId), { available: 10, reserved: 0, sold: 0 });
});

test('bodies are compared by meaning, not by how they are written', async () => {
  const { shopper } = await shopperWith(1);
  const key = randomUUID();
  await shopper.place({ key }).expect(201);
  const { country, ...others } = ADDRESS;
  await shopper.place({ key, body: { shippingAddress: { country, ...others } } }).expect(201);
});

test('the same key with another body is 422, and for another user another order', async () => {
  const { shopper } = await shopperWith(1);
  const key = randomUUID();
  const first = await shopper.place({ key }).expect(201);
  const other = await shopper.place({ key, body: { shippingAddress: { ...ADDRESS, city: 'Paris' } } }).expect(422);
  assert.equal(other.body.code, 'idempotency_key_reused');
  const { shopper: stranger } = await shopperWith(1);
  const theirs = await stranger.place({ key }).expect(201);
  assert.notEqual(theirs.body.id, first.body.id);
});

test('without a key, or with an invalid one, nothing is placed', async () => {
  const { shopper } = await shopperWith(2);
  for (const key of ['', ' ', 'a'.repeat(256), 'clé']) {
    const answer = await shopper.place({ key });
    assert.equal(answer.status, 400, `key ${JSON.stringify(key)}: ${answer.text}`);
    assert.ok(['idempotency_key_required', 'validation_failed'].includes(answer.body.code), answer.text);
  }
  assert.equal((await shopper.cart()).itemCount, 2);
});

test('an empty cart is 409 cart_empty, which the key repeats from then on', async () => {
  const { shopper } = await shopperWith(1);
  await shopper.place().expect(201);
  const key = randomUUID();
  const refused = await shopper.place({ key }).expect(409);
  assert.equal(refused.body.code, 'cart_empty');
  await shopper.add(await stores.createProduct(5), 1);
  const again = await shopper.place({ key }).expect(409);
  assert.equal(again.body.code, 'cart_empty');
  assert.equal(again.headers['idempotent-replayed'], 'true');
  assert.equal((await shopper.cart()).itemCount, 1, 'a replay took the new cart');
});

test('too little stock is refused, naming the lines; the cart and every held unit come back, and the order is in no list', async () => {
  const [scarce, plenty] = [await stores.createProduct(3), await stores.createProduct(10)];
  const [rival, shopper] = [newShopper(stores), newShopper(stores)];
  await rival.add(scarce, 2);
  await shopper.add(plenty, 4);
  await shopper.add(scarce, 2);
  await rival.place().expect(201);
  const key = randomUUID();
  const { body } = await shopper.place({ key }).expect(409);
  assert.equal(body.code, 'insufficient_stock');
  assert.deepEqual(
    body.lines.map((line: { productId: string }) => line.productId),
    [scarce],
  );
  const cart = await shopper.cart();
  assert.deepEqual(
    new Map(cart.items.map((item) => [item.productId, item.quantity])),
    new Map([
      [plenty, 4],
      [scarce, 2],
    ]),
  );
  assert.deepEqual(await stores.readStock(plenty), { available: 10, reserved: 0, sold: 0 });
  assert.deepEqual(await stores.readStock(scarce), { available: 1, reserved: 0, sold: 2 });
  assert.deepEqual((await shopper.get('/api/v1/orders').expect(200)).body.data, []);
  const again = await shopper.place({ key }).expect(409);
  assert.deepEqual([again.body.code, again.body.lines], [body.code, body.lines]);
});

test('a total that isn’t the expected one is refused with the new total; the right one is taken', async () => {
  const { shopper } = await shopperWith(2);
  const total = { amount: 2 * UNIT_PRICE, currency: 'USD' };
  const refused = await shopper.place({
    body: { shippingAddress: ADDRESS, expectedTotal: { amount: 1, currency: 'USD' } },
  });
  assert.equal(refused.status, 409);
  assert.equal(refused.body.code, 'cart_changed');
  assert.deepEqual(refused.body.total, total);
  assert.equal((await shopper.cart()).itemCount, 2);
  await shopper.place({ body: { shippingAddress: ADDRESS, expectedTotal: total } }).expect(201);
});

test('an expected total in another currency is 400, and places nothing', async () => {
  const { shopper } = await shopperWith(1);
  const expectedTotal = { amount: UNIT_PRICE, currency: 'EUR' };
  const { body } = await shopper.place({ body: { shippingAddress: ADDRESS, expectedTotal } }).expect(400);
  assert.equal(body.errors[0].pointer, '/expectedTotal/currency');
  assert.equal((await shopper.cart()).itemCount, 1);
});

test('an order that takes over 2 s is answered 202, is placed all the same, and its key repeats the 202', async () => {
  const { shopper } = await shopperWith(1);
  const key = randomUUID();
  product.delayMs = 900;
  const startedAt = Date.now();
  const late = await shopper.place({ key, url: orderUrl });
  product.delayMs = 0;
  assert.equal(late.status, 202, late.text);
  assert.ok(Date.now() - startedAt < 4000, 'the answer came late itself');
  assert.equal(late.headers.location, `/api/v1/orders/${late.body.id}`);
  assert.equal(late.headers.etag, `"${late.body.version}"`);
  assert.equal(late.body.status, 'pending');
  await decided(() => shopper.get(`/api/v1/orders/${late.body.id}`), 'confirmed');
  const again = await shopper.place({ key }).expect(202);
  assert.equal(again.body.id, late.body.id);
  assert.equal(again.body.status, 'confirmed');
});

test('while the first request with a key runs, the second is 409 and told to retry', async () => {
  const { shopper } = await shopperWith(1);
  const key = randomUUID();
  product.delayMs = 500;
  const first = shopper.place({ key, url: orderUrl }).then((answer) => answer);
  await sleep(400);
  const second = await shopper.place({ key, url: orderUrl });
  product.delayMs = 0;
  assert.equal(second.status, 409, second.text);
  assert.equal(second.body.code, 'idempotency_in_progress');
  assert.ok(Number(second.headers['retry-after']) >= 1);
  assert.ok((await first).status < 300);
});

test('a known outage is reported before anything is written: 503, and the key can be used again', async () => {
  const { shopper } = await shopperWith(1);
  product.refuses = /./;
  // The circuit opens after enough failures.
  while ((await newShopperWithCart().then((one) => one.place({ url: orderUrl }))).status !== 503);
  const key = randomUUID();
  const refused = await shopper.place({ key, url: orderUrl });
  product.refuses = undefined;
  assert.equal(refused.status, 503, refused.text);
  assert.equal(refused.body.code, 'upstream_unavailable');
  assert.ok(Number(refused.headers['retry-after']) >= 1);
  assert.equal((await shopper.cart()).itemCount, 1);
  const placed = await shopper.place({ key }).expect(201);
  assert.equal(placed.headers['idempotent-replayed'], undefined);
});

test('orders are for signed-in users only', async () => {
  const answer = await supertest(stores.urls.order)
    .post('/api/v1/orders')
    .set('Idempotency-Key', randomUUID())
    .send({ shippingAddress: ADDRESS });
  assert.equal(answer.status, 401);
  assert.match(answer.headers['www-authenticate'] ?? '', /^Bearer/);
});

async function newShopperWithCart() {
  return (await shopperWith(1)).shopper;
}

async function decided(read: () => supertest.Test, status: string): Promise<void> {
  const readStatus = async () => (await read().expect(200)).body.status;
  await eventually(readStatus, (now) => now === status, 20_000);
}
