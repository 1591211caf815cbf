import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import request from 'supertest';
import type { Service } from '#platform/service.ts';
import { eventually } from '../../local/test-support/eventually.ts';
import { newOrderId, openShop, type Shop } from './support/shop.ts';

/** ms in which every list has to follow. */
const LAG = 2000;

let shop: Shop;
let worker: Service;

before(async () => {
  shop = await openShop({ categories: ['a/b', 'c'] });
  worker = await shop.openReplica();
  worker.start();
});

after(() => shop.close());

/** What each list that holds the product shows of it. */
async function shownInStock(sku: string, brand: string): Promise<unknown[]> {
  const lists = [{}, { category: 'a' }, { category: 'b' }, { sort: 'price' }, { sort: 'name', category: 'b' }];
  return Promise.all(
    lists.map(async (list) => {
      const { body } = await request(shop.service.app)
        .get('/api/v1/products')
        .query({ ...list, brand })
        .expect(200);
      return body.data.find((each: { sku: string }) => each.sku === sku)?.stock.inStock;
    }),
  );
}

const showsEverywhere = async (sku: string, brand: string, expected: boolean) =>
  (await shownInStock(sku, brand)).every((shown) => shown === expected);

test('the lists follow a product that sells out, and one that comes back, within two seconds', {
  timeout: 60_000,
}, async () => {
  const { id, sku } = await shop.catalogue.addProduct({ stock: 3, category: 'b', brand: 'Follow' });
  const [first, second] = [newOrderId(), newOrderId()];
  const line = (quantity: number) => [{ productId: id, quantity }];
  assert.ok(await showsEverywhere(sku, 'Follow', true));
  await shop.step('hold', first, line(2));
  await shop.step('hold', second, line(1));
  await eventually(() => showsEverywhere(sku, 'Follow', false), Boolean, LAG);
  await shop.step('release', first, line(2));
  await eventually(() => showsEverywhere(sku, 'Follow', true), Boolean, LAG);
  await shop.step('hold', newOrderId(), line(2));
  await eventually(() => showsEverywhere(sku, 'Follow', false), Boolean, LAG);
  await shop.step('commit', second, line(1));
  await shop.step('return', second, line(1));
  await eventually(() => showsEverywhere(sku, 'Follow', true), Boolean, LAG);
  assert.equal((await shop.readHead(id)).inStock, true);
});

test('an order refused because of another line leaves no trace in the lists', { timeout: 60_000 }, async () => {
  const [last, none] = await shop.catalogue.addProducts([
    { stock: 1, category: 'b', brand: 'Trace' },
    { stock: 0, category: 'b' },
  ]);
  assert.ok(last && none);
  const { status } = await shop.step(
    'hold',
    newOrderId(),
    [last, none].map(({ id }) => ({ productId: id, quantity: 1 })),
  );
  assert.equal(status, 409);
  await eventually(() => showsEverywhere(last.sku, 'Trace', true), Boolean, LAG);
  await sleep(600);
  assert.ok(await showsEverywhere(last.sku, 'Trace', true));
});

test('many concurrent crossings there and back, by two services, end with correct lists', {
  timeout: 120_000,
}, async () => {
  const products = await shop.catalogue.addProducts(
    Array.from({ length: 6 }, () => ({ stock: 1, category: 'b', brand: 'Often' })),
  );
  await Promise.all(
    products.map(async ({ id }, index) => {
      const lines = [{ productId: id, quantity: 1 }];
      for (let round = 0; round < 8 + (index % 2); round += 1) {
        const orderId = newOrderId();
        await shop.step('hold', orderId, lines, round % 2 ? worker : shop.service);
        if (index < 3 || round < 7) await shop.step('release', orderId, lines, round % 3 ? worker : shop.service);
      }
    }),
  );
  for (const { id, sku } of products) {
    const { available } = await shop.readHead(id);
    await eventually(() => showsEverywhere(sku, 'Often', available > 0), Boolean, LAG);
  }
});

test('when a service is stopped right after a hold, the next one updates the lists', {
  timeout: 60_000,
}, async () => {
  await worker.stop();
  const { id, sku } = await shop.catalogue.addProduct({ stock: 1, category: 'b', brand: 'Stopped' });
  const dying = await shop.openReplica();
  await shop.step('hold', newOrderId(), [{ productId: id, quantity: 1 }], dying);
  await dying.stop();
  assert.ok(await showsEverywhere(sku, 'Stopped', true), 'nobody has projected it yet');
  worker = await shop.openReplica();
  worker.start();
  await eventually(() => showsEverywhere(sku, 'Stopped', false), Boolean, LAG);
});

test('a change that was cut off between its write and its listings is finished by the next note', {
  timeout: 60_000,
}, async () => {
  const { id, sku } = await shop.catalogue.addProduct({ stock: 1, category: 'b', brand: 'Cut', priceMinor: 500 });
  await shop.client.execute(
    'UPDATE products SET price_minor = 900, price_since = ?, version = 2, listing_version = 2 WHERE product_id = ? AND op_id = 00000000-0000-0000-0000-000000000000 IF version = 1',
    [new Date(), id],
  );
  // The stock crosses zero in the meantime; that note is handled before the change's own.
  await shop.step('hold', newOrderId(), [{ productId: id, quantity: 1 }]);
  await eventually(() => showsEverywhere(sku, 'Cut', false), Boolean, LAG);
  for (const sort of ['price', '-price', '-createdAt', 'name']) {
    const { body } = await request(shop.service.app).get('/api/v1/products').query({ brand: 'Cut', sort }).expect(200);
    assert.deepEqual(
      body.data.map(({ price }: { price: { amount: number } }) => price.amount),
      [900],
      sort,
    );
  }
});

test('a deleted product leaves every list at once, and a late projection of its stock doesn’t bring it back', {
  timeout: 60_000,
}, async () => {
  const { id, sku } = await shop.catalogue.addProduct({ stock: 1, category: 'b', brand: 'Gone' });
  const [orderId, lines] = [newOrderId(), [{ productId: id, quantity: 1 }]];
  await shop.step('hold', orderId, lines);
  await shop.change(id, { deleted: true });
  assert.deepEqual(new Set(await shownInStock(sku, 'Gone')), new Set([undefined]));
  await shop.step('release', orderId, lines);
  await sleep(800);
  assert.deepEqual(new Set(await shownInStock(sku, 'Gone')), new Set([undefined]));
});

test('a new category appears in the tree within two seconds', { timeout: 30_000 }, async () => {
  await shop.catalogue.addCategories('extra');
  await eventually(
    async () => {
      const { body } = await request(worker.app).get('/api/v1/categories').expect(200);
      return body.data.some(({ slug }: { slug: string }) => slug === 'extra');
    },
    Boolean,
    LAG,
  );
});
