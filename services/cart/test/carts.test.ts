// Integration: the service over HTTP, on a real Cassandra, with a stub of the product service.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import request from 'supertest';
import { serviceToken, userToken } from '../../local/test-support/service-config.ts';
import { CartBody } from '../src/carts/schema.ts';
import type { ProductStub, StubProduct } from './support/product-stub.ts';
import {
  asOrder,
  countQueries,
  newGuest,
  nextSecond,
  openStore,
  readMetric,
  type Store,
  shopper,
} from './support/store.ts';

const usd = (amount: number) => ({ amount, currency: 'USD' });

let store: Store;
let service: Store['replicas'][0];
let product: ProductStub;
let ann: ReturnType<typeof shopper>;

before(async () => {
  store = await openStore();
  [service] = store.replicas;
  product = store.product;
});
after(() => store.close());
beforeEach(() => {
  ann = shopper(service);
});

describe('GET /api/v1/cart', () => {
  it('gives an empty cart to a user without one, and stores nothing', async () => {
    const startedAt = Date.now();
    const { body, headers } = await ann.getCart().expect(200);
    const { updatedAt, ...rest } = body;
    assert.deepEqual(rest, { id: ann.userId, items: [], itemCount: 0, total: usd(0), warnings: [], version: 0 });
    assert.ok(Date.parse(updatedAt) >= startedAt);
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers.etag, undefined);
  });

  it('shows the items at current prices, totals them all, and warns of what has changed', async () => {
    const [lamp, chair, table, vase] = [
      product.offer({ name: 'Lamp', image: 'https://img.example/lamp.jpg' }),
      product.offer({ name: 'Chair', price: usd(500) }),
      product.offer({ name: 'Table' }),
      product.offer({ name: 'Vase' }),
    ];
    for (const { id } of [lamp, chair, table, vase]) await ann.add(id, 2).expect(201);
    product.offer({ ...lamp, price: usd(2500) });
    product.offer({ ...chair, available: 1 });
    product.offer({ ...table, available: 0 });
    product.remove(vase.id);

    const { body } = await ann.getCart().expect(200);

    CartBody.parse(body);
    assert.deepEqual(body.items[0], {
      productId: lamp.id,
      sku: lamp.sku,
      name: 'Lamp',
      image: 'https://img.example/lamp.jpg',
      quantity: 2,
      unitPrice: usd(2500),
      lineTotal: usd(5000),
      available: 100,
    });
    assert.deepEqual(body.warnings, [
      { code: 'price_changed', productId: lamp.id, previousPrice: usd(1999), currentPrice: usd(2500) },
      { code: 'low_stock', productId: chair.id, available: 1 },
      { code: 'unavailable', productId: table.id },
      { code: 'unavailable', productId: vase.id },
    ]);
    assert.equal(body.items[3].name, 'Vase');
    assert.deepEqual(body.total, usd(5000 + 1000 + 2 * 1999 + 2 * 1999));
    assert.equal(body.itemCount, 8);
  });

  it('is one query and one call, however many items there are; an empty cart makes no call', async () => {
    for (let count = 0; count < 12; count += 1) await ann.add(product.offer().id, 1).expect(201);
    const callsBefore = product.calls.length;
    const before = await countQueries(service);
    await ann.getCart().expect(200);
    assert.deepEqual(queriesSince(before, await countQueries(service)), { 'cart.find': 1 });
    assert.equal(product.calls.length, callsBefore + 1);
    assert.equal(product.calls.at(-1)?.length, 12);

    await shopper(service).getCart().expect(200);
    assert.equal(product.calls.length, callsBefore + 1);
  });

  it('never shows an old price: without the product service the answer is 503', async () => {
    await ann.add(product.offer().id, 1).expect(201);
    product.down = true;
    const { body, headers } = await ann.getCart().expect(503);
    product.down = false;
    assert.equal(body.code, 'upstream_unavailable');
    assert.ok(headers['retry-after']);
    await reachable(() => ann.getCart());
  });
});

describe('the prices of a cart', () => {
  it('are current, until the replica has shown 50 carts in the second: then up to a second old', async (context) => {
    let clock = performance.now() + 1000;
    context.mock.method(performance, 'now', () => clock);
    const lamp = product.offer();
    await ann.add(lamp.id, 1).expect(201);
    for (let amount = 2; amount <= 50; amount += 1) {
      product.offer({ ...lamp, price: usd(amount) });
      assert.deepEqual((await ann.getCart().expect(200)).body.total, usd(amount));
    }

    product.offer({ ...lamp, price: usd(2500) });
    const calls = product.calls.length;
    assert.deepEqual((await ann.getCart().expect(200)).body.total, usd(50));
    assert.equal(product.calls.length, calls);

    clock += 1000;
    assert.deepEqual((await ann.getCart().expect(200)).body.total, usd(2500));
  });

  it('are current in the line that is changed, always, and are never older in a later answer', async (context) => {
    const clock = performance.now() + 3000;
    context.mock.method(performance, 'now', () => clock);
    const [lamp, chair] = [product.offer(), product.offer()];
    await ann.add(lamp.id, 1).expect(201);
    await ann.add(chair.id, 1).expect(201);
    for (let count = 2; count < 50; count += 1) await ann.getCart().expect(200);
    product.offer({ ...lamp, price: usd(2500) });
    product.offer({ ...chair, price: usd(100) });
    assert.deepEqual((await ann.getCart().expect(200)).body.total, usd(2 * 1999));
    assert.deepEqual((await ann.add(lamp.id, 1).expect(201)).body.total, usd(2 * 2500 + 1999));
    assert.deepEqual(product.calls.at(-1), [lamp.id]);
    assert.deepEqual((await ann.getCart().expect(200)).body.total, usd(2 * 2500 + 1999));
    product.offer({ ...lamp, available: 2 });
    await ann.add(lamp.id, 1).expect(409);
  });
});

describe('POST /api/v1/cart', () => {
  it("gives a signed-in user's cart, 200", async () => {
    const { id } = product.offer();
    await ann.add(id, 2).expect(201);
    const { body } = await ann.send('post', '/api/v1/cart').expect(200);
    assert.equal(body.id, ann.userId);
    assert.equal(body.itemCount, 2);
    assert.equal(body.version, 1);
  });
});

describe('POST /api/v1/cart/items', () => {
  it('adds to the quantity in the cart and answers 201 with the whole cart', async () => {
    const [lamp, chair] = [product.offer(), product.offer({ price: usd(500) })];
    await ann.add(lamp.id, 2).expect(201);
    await ann.add(chair.id, 1).expect(201);
    const { body } = await ann.add(lamp.id, 3).expect(201);
    CartBody.parse(body);
    assert.deepEqual(quantitiesIn(body), { [lamp.id]: 5, [chair.id]: 1 });
    assert.deepEqual(body.total, usd(5 * 1999 + 500));
    assert.equal(body.version, 3);
  });

  it('is one read, one call and one conditional write', async () => {
    await ann.add(product.offer().id, 1).expect(201);
    const { id } = product.offer();
    const before = await countQueries(service);
    const calls = product.calls.length;
    await ann.add(id, 1).expect(201);
    assert.deepEqual(queriesSince(before, await countQueries(service)), { 'cart.find': 1, 'cart.replace': 1 });
    assert.equal(product.calls.length, calls + 1);
  });

  it('treats an id in capitals as the same product', async () => {
    const { id } = product.offer();
    await ann.add(id, 1).expect(201);
    const { body } = await ann.add(id.toUpperCase(), 1).expect(201);
    assert.deepEqual(quantitiesIn(body), { [id]: 2 });
  });

  it('is 404 for a product that is not sold', async () => {
    for (const id of [crypto.randomUUID(), '11111111-1111-1111-1111-111111111111']) {
      const { body } = await ann.add(id, 1).expect(404);
      assert.equal(body.code, 'product_not_found');
    }
  });

  it('is 409 when the resulting quantity is more than is available', async () => {
    const { id } = product.offer({ available: 5 });
    await ann.add(id, 3).expect(201);
    const { body } = await ann.add(id, 3).expect(409);
    assert.equal(body.code, 'insufficient_stock');
    assert.deepEqual([body.productId, body.requested, body.available], [id, 6, 5]);
    assert.deepEqual(quantitiesIn((await ann.getCart()).body), { [id]: 3 });
  });

  it('is 400 at /quantity when the resulting quantity would exceed 999', async () => {
    const { id } = product.offer({ available: 5000 });
    await ann.add(id, 999).expect(201);
    const { body } = await ann.add(id, 1).expect(400);
    assert.equal(body.code, 'validation_failed');
    assert.equal(body.errors[0].pointer, '/quantity');
  });

  it('is 409 for the 101st product', async () => {
    for (let count = 0; count < 100; count += 1) await ann.add(product.offer().id, 1).expect(201);
    const { body } = await ann.add(product.offer().id, 1).expect(409);
    assert.equal(body.code, 'cart_full');
    assert.equal((await ann.getCart().expect(200)).body.items.length, 100);
  });

  it('refreshes the price of the item it touches', async () => {
    await nextSecond();
    const lamp = product.offer();
    await ann.add(lamp.id, 1).expect(201);
    product.offer({ ...lamp, price: usd(2500) });
    assert.equal((await ann.getCart()).body.warnings.length, 1);
    const { body } = await ann.add(lamp.id, 1).expect(201);
    assert.deepEqual(body.warnings, []);
    assert.deepEqual((await ann.getCart()).body.warnings, []);
  });

  it('changes nothing when the product service cannot be reached', async () => {
    const { id } = product.offer();
    product.down = true;
    await ann.add(id, 1).expect(503);
    product.down = false;
    assert.equal((await reachable(() => ann.getCart())).body.version, 0);
    await reachable(() => ann.set(id, 1));
  });
});

describe('PUT /api/v1/cart/items/{productId}', () => {
  it('sets the quantity, and is idempotent', async () => {
    const { id } = product.offer();
    await ann.add(id, 5).expect(201);
    for (let times = 0; times < 2; times += 1) {
      assert.deepEqual(quantitiesIn((await ann.set(id, 2).expect(200)).body), { [id]: 2 });
    }
  });

  it('adds a product that was not in the cart', async () => {
    const { id } = product.offer();
    assert.deepEqual(quantitiesIn((await ann.set(id, 4).expect(200)).body), { [id]: 4 });
  });

  it('removes with 0, even a product that is no longer sold', async () => {
    const [lamp, chair] = [product.offer(), product.offer()];
    await ann.add(lamp.id, 1).expect(201);
    await ann.add(chair.id, 1).expect(201);
    product.remove(chair.id);
    assert.deepEqual(quantitiesIn((await ann.set(chair.id, 0).expect(200)).body), { [lamp.id]: 1 });
  });

  it('is refused for the same reasons as an addition', async () => {
    const { id } = product.offer({ available: 5 });
    assert.equal((await ann.set(id, 6).expect(409)).body.code, 'insufficient_stock');
    assert.equal((await ann.set(crypto.randomUUID(), 1).expect(404)).body.code, 'product_not_found');
  });
});

describe('DELETE', () => {
  it('of an item gives the cart without it, and is idempotent', async () => {
    const [lamp, chair] = [product.offer(), product.offer()];
    await ann.add(lamp.id, 1).expect(201);
    await ann.add(chair.id, 1).expect(201);
    const first = await ann.remove(lamp.id).expect(200);
    const second = await ann.remove(lamp.id).expect(200);
    assert.deepEqual(quantitiesIn(first.body), { [chair.id]: 1 });
    assert.deepEqual(second.body, first.body);
  });

  it('of the cart empties it, without calling the product service', async () => {
    await ann.add(product.offer().id, 1).expect(201);
    product.down = true;
    const { body } = await ann.clear().expect(200);
    product.down = false;
    assert.deepEqual([body.items, body.total, body.version], [[], usd(0), 2]);
    assert.equal((await ann.clear().expect(200)).body.version, 2);
  });

  it('of a cart that never existed is 200 and stores nothing', async () => {
    assert.equal((await ann.clear().expect(200)).body.version, 0);
    assert.equal((await ann.remove(crypto.randomUUID()).expect(200)).body.version, 0);
  });
});

describe('take and restore', () => {
  const orders = () => [crypto.randomUUID(), crypto.randomUUID()] as const;
  let lamp: StubProduct;
  beforeEach(() => {
    lamp = product.offer();
  });

  it('take empties the cart and gives its lines, the same each time for the same order', async () => {
    const [order, other] = orders();
    await ann.add(lamp.id, 2).expect(201);
    const lines = [{ productId: lamp.id, quantity: 2 }];
    assert.deepEqual((await ann.take(order).expect(200)).body, { lines });
    assert.deepEqual(quantitiesIn((await ann.getCart()).body), {});
    assert.deepEqual((await ann.take(order).expect(200)).body, { lines });
    assert.deepEqual((await ann.take(other).expect(200)).body, { lines: [] });
  });

  it('a repeated take leaves what was added since', async () => {
    const [order] = orders();
    await ann.add(lamp.id, 2).expect(201);
    await ann.take(order).expect(200);
    await ann.add(lamp.id, 1).expect(201);
    assert.deepEqual((await ann.take(order).expect(200)).body.lines, [{ productId: lamp.id, quantity: 2 }]);
    assert.deepEqual(quantitiesIn((await ann.getCart()).body), { [lamp.id]: 1 });
  });

  it('a late repetition of a take of an empty cart takes nothing', async () => {
    const [order] = orders();
    assert.deepEqual((await ann.take(order).expect(200)).body, { lines: [] });
    await ann.add(lamp.id, 1).expect(201);
    assert.deepEqual((await ann.take(order).expect(200)).body, { lines: [] });
    assert.deepEqual(quantitiesIn((await ann.getCart()).body), { [lamp.id]: 1 });
  });

  it('restore puts the lines back once, beside what was added since', async () => {
    const [order] = orders();
    await ann.add(lamp.id, 2).expect(201);
    await ann.take(order).expect(200);
    await ann.add(lamp.id, 3).expect(201);
    assert.deepEqual((await ann.restore(order).expect(200)).body, { restored: true });
    assert.deepEqual((await ann.restore(order).expect(200)).body, { restored: false });
    assert.deepEqual(quantitiesIn((await ann.getCart()).body), { [lamp.id]: 5 });
  });

  it('a take after its restore gets nothing, whether the order had taken or not', async () => {
    const [order, cancelled] = orders();
    await ann.add(lamp.id, 2).expect(201);
    await ann.take(order).expect(200);
    await ann.restore(order).expect(200);
    assert.deepEqual((await ann.restore(cancelled).expect(200)).body, { restored: false });
    for (const late of [order, cancelled]) assert.deepEqual((await ann.take(late).expect(200)).body, { lines: [] });
    assert.deepEqual(quantitiesIn((await ann.getCart()).body), { [lamp.id]: 2 });
  });

  it('restore finds the lines even if the cart was cleared or taken by another order since', async () => {
    const [order, other] = orders();
    await ann.add(lamp.id, 2).expect(201);
    await ann.take(order).expect(200);
    await ann.add(lamp.id, 1).expect(201);
    await ann.take(other).expect(200);
    await ann.clear().expect(200);
    assert.deepEqual((await ann.restore(order).expect(200)).body, { restored: true });
    assert.deepEqual(quantitiesIn((await ann.getCart()).body), { [lamp.id]: 2 });
  });

  it('restored lines keep all their fields', async () => {
    const [order] = orders();
    const vase = product.offer({ name: 'Vase', image: 'https://img.example/v.jpg' });
    await ann.add(vase.id, 2).expect(201);
    await ann.add(lamp.id, 1).expect(201);
    const { items } = (await ann.getCart()).body;
    await ann.take(order).expect(200);
    await ann.restore(order).expect(200);
    assert.deepEqual((await ann.getCart()).body.items, items);
  });

  it('are for the order service alone, each with its own scope', async () => {
    const refused = [
      { as: 'user token', token: ann.token, status: 401 },
      { as: 'another service', token: serviceToken('product', 'cart', 'carts:take'), status: 403 },
      { as: 'the scope of restore', token: serviceToken('order', 'cart', 'carts:restore'), status: 403 },
      { as: 'a token for another service', token: serviceToken('order', 'product', 'carts:take'), status: 401 },
    ];
    await ann.add(lamp.id, 1).expect(201);
    for (const { as, token, status } of refused) {
      const answer = await request(service.app)
        .post(`/internal/carts/${ann.userId}/take`)
        .set('authorization', `Bearer ${token}`)
        .send({ orderId: crypto.randomUUID() });
      assert.equal(answer.status, status, as);
    }
    await asOrder(service.app, ann.userId, 'restore', { orderId: crypto.randomUUID() }).expect(200);
    assert.deepEqual(quantitiesIn((await ann.getCart()).body), { [lamp.id]: 1 });
  });
});

describe('ownership', () => {
  it("nobody sees or changes another user's cart", async () => {
    const bob = shopper(service);
    const { id } = product.offer();
    await ann.add(id, 2).expect(201);
    assert.deepEqual((await bob.getCart().expect(200)).body.items, []);
    await bob.clear().expect(200);
    await bob.remove(id).expect(200);
    await bob.set(id, 1).expect(200);
    assert.deepEqual(quantitiesIn((await ann.getCart()).body), { [id]: 2 });
  });

  it('without a valid token everything is 401 with a Bearer challenge', async () => {
    const operations = [
      ['get', '/api/v1/cart'],
      ['post', '/api/v1/cart'],
      ['delete', '/api/v1/cart'],
      ['post', '/api/v1/cart/items'],
      ['put', `/api/v1/cart/items/${crypto.randomUUID()}`],
      ['delete', `/api/v1/cart/items/${crypto.randomUUID()}`],
      ['post', '/api/v1/cart/merge'],
    ] as const;
    const tokens = ['Bearer x', `Basic ${userToken()}`, `Bearer ${serviceToken('order', 'cart', 'x')}`];
    for (const [method, path] of operations) {
      for (const token of tokens) {
        const call = request(service.app)[method](path).set('authorization', token);
        const { status, headers, body } = await call;
        assert.deepEqual([status, headers['www-authenticate'], body.code], [401, 'Bearer', 'unauthorized']);
      }
    }
  });
});

describe('metrics and documentation', () => {
  it('counts changes by kind, and only those that were made', async () => {
    const count = (kind: string) => readMetric(service, `cart_changes_total{kind="${kind}"}`);
    const kinds = ['item_added', 'item_set', 'item_removed', 'cleared', 'taken', 'restored', 'opened', 'merged'];
    const before = await Promise.all(kinds.map(count));
    const { id } = product.offer();
    const order = crypto.randomUUID();
    await ann.add(id, 1).expect(201);
    await ann.set(id, 2).expect(200);
    for (let times = 0; times < 2; times += 1) await ann.take(order).expect(200);
    for (let times = 0; times < 2; times += 1) await ann.restore(order).expect(200);
    for (let times = 0; times < 2; times += 1) await ann.remove(id).expect(200);
    await ann.add(id, 1).expect(201);
    for (let times = 0; times < 2; times += 1) await ann.clear().expect(200);
    const { cartToken } = await newGuest(service);
    for (let times = 0; times < 2; times += 1) await ann.merge(cartToken).expect(200);
    const after = await Promise.all(kinds.map(count));
    assert.deepEqual(
      after.map((value, index) => value - (before[index] ?? 0)),
      [2, 1, 1, 1, 1, 1, 1, 1],
    );
  });

  it('documents every operation, and every object as closed', () => {
    const { paths = {}, components = {} } = service.document;
    assert.deepEqual(Object.keys(paths).sort(), [
      '/api/v1/cart',
      '/api/v1/cart/items',
      '/api/v1/cart/items/{productId}',
      '/api/v1/cart/merge',
      '/internal/carts/{userId}/restore',
      '/internal/carts/{userId}/take',
    ]);
    for (const [name, schema] of Object.entries(components.schemas ?? {})) {
      const { type, additionalProperties } = schema as { type?: string; additionalProperties?: unknown };
      if (type === 'object' && name !== 'Problem') assert.equal(additionalProperties, false, name);
    }
  });
});

function quantitiesIn(body: { items: { productId: string; quantity: number }[] }): Record<string, number> {
  return Object.fromEntries(body.items.map(({ productId, quantity }) => [productId, quantity]));
}

function queriesSince(before: Map<string, number>, after: Map<string, number>): Record<string, number> {
  const grown = [...after].map(([name, count]) => [name, count - (before.get(name) ?? 0)] as const);
  return Object.fromEntries(grown.filter(([, count]) => count > 0));
}

/** Retries until the circuit lets a call through again. */
async function reachable(ask: () => request.Test): Promise<request.Response> {
  for (let attempts = 0; attempts < 50; attempts += 1) {
    const answer = await ask();
    if (answer.status !== 503) return answer;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('The circuit stayed open.');
}
