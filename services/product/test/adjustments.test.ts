import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import request from 'supertest';
import type { Service } from '#platform/service.ts';
import { eventually } from '../../local/test-support/eventually.ts';
import { userToken } from '../../local/test-support/service-config.ts';
import { type Admin, createAdmin, createPause, newProduct } from './support/admin.ts';
import { countQueries, newOrderId, openShop, type Shop } from './support/shop.ts';

/** ms in which the lists have to follow. */
const LAG = 2000;

let shop: Shop;
let worker: Service;
let admin: Admin;

before(async () => {
  shop = await openShop();
  admin = createAdmin(shop.service);
  worker = await shop.openReplica();
  worker.start();
});

after(() => shop.close());

async function create(stock: number): Promise<string> {
  return (await admin.createProduct(newProduct({ stock })).expect(201)).body.id;
}

/** available + reserved + sold is what was ever put in: I2 of `npm run audit`. */
async function assertAddsUp(id: string): Promise<void> {
  const { available, reserved, sold } = await shop.readHead(id);
  const operations = await shop.readOperations(id);
  const putIn = operations.filter(({ kind, state }) => kind === 'adjust' && state === 'applied');
  assert.equal(
    available + reserved + sold,
    putIn.reduce((sum, { quantity }) => sum + quantity, 0),
  );
}

test('an adjustment adds or removes units and returns the resulting stock', async () => {
  const id = await create(5);
  await shop.step('hold', newOrderId(), [{ productId: id, quantity: 2 }]);
  const more = await admin.adjust(id, randomUUID(), { quantity: 10, reason: 'Delivery' }).expect(200);
  assert.deepEqual(more.body, { productId: id, available: 13, reserved: 2, sold: 0 });
  assert.equal(more.headers['idempotent-replayed'], undefined);
  assert.equal(more.headers['cache-control'], 'no-store');
  const less = await admin.adjust(id, randomUUID(), { quantity: -13, reason: 'Broken' }).expect(200);
  assert.deepEqual(less.body, { productId: id, available: 0, reserved: 2, sold: 0 });
  await assertAddsUp(id);
});

test('20 concurrent adjustments with one key have one effect; those told to wait get the same answer when they retry', {
  timeout: 60_000,
}, async () => {
  const id = await create(5);
  const key = randomUUID();
  const { userId } = admin;
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      eventually(
        () =>
          createAdmin(index % 2 ? shop.service : worker, userId).adjust(id, key, { quantity: 7, reason: 'Delivery' }),
        ({ body }) => body.code !== 'idempotency_in_progress',
        10_000,
      ),
    ),
  );
  for (const { status, body } of answers) {
    assert.equal(status, 200);
    assert.deepEqual(body, { productId: id, available: 12, reserved: 0, sold: 0 });
  }
  assert.equal(answers.filter(({ headers }) => headers['idempotent-replayed'] === undefined).length, 1);
  assert.equal((await shop.readOperations(id)).length, 2);
  await assertAddsUp(id);
});

test('while the first request with a key runs, the second is told to wait, and another body is refused', {
  timeout: 30_000,
}, async () => {
  const id = await create(5);
  const key = randomUUID();
  const adjustment = { quantity: 7, reason: 'Delivery' };
  const { change, reached, resume } = createPause('stock.adjust');
  const slow = createAdmin(await shop.openReplica(change));
  const first = slow.adjust(id, key, adjustment).then((answer) => answer);
  await reached;
  const second = await slow.adjust(id, key, adjustment).expect(409);
  assert.equal(second.body.code, 'idempotency_in_progress');
  assert.equal(second.headers['retry-after'], '1');
  assert.equal(second.headers['idempotent-replayed'], undefined);
  const { body } = await slow.adjust(id, key, { ...adjustment, quantity: 8 }).expect(422);
  assert.equal(body.code, 'idempotency_key_reused');
  resume();
  assert.equal((await first).status, 200);
  const replay = await slow.adjust(id, key, adjustment).expect(200);
  assert.equal(replay.body.available, 12);
  assert.equal(replay.headers['idempotent-replayed'], 'true');
  assert.equal((await slow.listLines('stock', id)).length, 1);
});

test('replays never meet as first requests: each gets the answer of its key, or 422 for another body', async () => {
  const id = await create(5);
  const key = randomUUID();
  const adjustment = { quantity: 7, reason: 'Delivery' };
  await admin.adjust(id, key, adjustment).expect(200);
  const { change, reached, resume } = createPause('stock.find_adjustment');
  const slow = createAdmin(await shop.openReplica(change), admin.userId);
  const bodies = [{ ...adjustment, quantity: 8 }, adjustment, adjustment];
  const answers = Promise.all(bodies.map((body) => slow.adjust(id, key, body)));
  await reached;
  await sleep(300);
  resume();
  const [other, ...replays] = await answers;
  assert.equal(other?.body.code, 'idempotency_key_reused');
  for (const { status, headers, body } of replays) {
    assert.deepEqual([status, headers['idempotent-replayed'], body.available], [200, 'true', 12]);
  }
});

test('an adjustment that waits for its turn notes the lists when the turn comes, so that the note is not read before', async () => {
  const id = await create(5);
  const { change, reached, resume } = createPause('stock.adjust');
  const replica = await shop.openReplica(change);
  const slow = createAdmin(replica);
  const noted = async () => (await countQueries(replica)).get('due.put') ?? 0;
  const answers = Array.from({ length: 3 }, () =>
    slow.adjust(id, randomUUID(), { quantity: 1, reason: 'One' }).then(({ status }) => status),
  );
  await reached;
  await eventually(noted, (notes) => notes === 2, LAG);
  await sleep(300);
  assert.equal(await noted(), 2);
  resume();
  assert.deepEqual(await Promise.all(answers), [200, 200, 200]);
  assert.equal(await noted(), 3);
});

test('20 concurrent adjustments with 20 keys all count', { timeout: 60_000 }, async () => {
  const id = await create(0);
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      createAdmin(index % 2 ? shop.service : worker).adjust(id, randomUUID(), { quantity: 1, reason: 'One' }),
    ),
  );
  assert.ok(answers.every(({ status }) => status === 200));
  assert.equal((await shop.readHead(id)).available, 20);
  await assertAddsUp(id);
});

test('a replay has no effect and shows the stock as it is now, after the product is deleted too', async () => {
  const id = await create(5);
  const key = randomUUID();
  const adjustment = { quantity: 5, reason: 'Delivery' };
  await admin.adjust(id, key, adjustment).expect(200);
  await shop.step('hold', newOrderId(), [{ productId: id, quantity: 3 }]);
  for (let times = 1; times <= 2; times += 1) {
    const { body, headers } = await admin.adjust(id, key, { reason: 'Delivery', quantity: 5 }).expect(200);
    assert.deepEqual(body, { productId: id, available: 7, reserved: 3, sold: 0 });
    assert.equal(headers['idempotent-replayed'], 'true');
    await admin.deleteProduct(id, '*');
  }
});

test('an adjustment below 0 is refused, and stays refused for its key even when there is enough', async () => {
  const id = await create(5);
  const key = randomUUID();
  const adjustment = { quantity: -6, reason: 'Broken' };
  const first = await admin.adjust(id, key, adjustment).expect(409);
  assert.equal(first.body.code, 'insufficient_stock');
  assert.deepEqual(first.body.lines, [{ productId: id, requested: 6, available: 5 }]);
  assert.equal(first.headers['idempotent-replayed'], undefined);
  await admin.adjust(id, randomUUID(), { quantity: 10, reason: 'Delivery' }).expect(200);
  const again = await admin.adjust(id, key, adjustment).expect(409);
  assert.equal(again.headers['idempotent-replayed'], 'true');
  const { requestId: _, ...repeated } = again.body;
  const { requestId: __, ...refusal } = first.body;
  assert.deepEqual(repeated, refusal);
  assert.equal((await shop.readHead(id)).available, 15);
  await assertAddsUp(id);
});

test('concurrent adjustments that remove the last units never get below 0', { timeout: 60_000 }, async () => {
  const id = await create(5);
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, index) =>
      createAdmin(index % 2 ? shop.service : worker).adjust(id, randomUUID(), { quantity: -1, reason: 'One' }),
    ),
  );
  assert.deepEqual(answers.map(({ status }) => status).sort(), [...Array(5).fill(200), ...Array(7).fill(409)]);
  assert.equal((await shop.readHead(id)).available, 0);
  await assertAddsUp(id);
});

test('a key is valid for one adjustment by one caller', async () => {
  const id = await create(5);
  const key = randomUUID();
  await admin.adjust(id, key, { quantity: 1, reason: 'Delivery' }).expect(200);
  for (const other of [
    { quantity: 2, reason: 'Delivery' },
    { quantity: 1, reason: 'Found' },
  ]) {
    const { body } = await admin.adjust(id, key, other).expect(422);
    assert.equal(body.code, 'idempotency_key_reused');
  }
  await createAdmin(shop.service).adjust(id, key, { quantity: 1, reason: 'Delivery' }).expect(200);
  assert.equal((await shop.readHead(id)).available, 7);
});

test('a lost answer has no second effect: the repeated write finds its own result', async () => {
  const id = await create(5);
  const lossy = await shop.openReplica((platform) => {
    const { database } = platform;
    return {
      ...platform,
      database: {
        ...database,
        // The driver's first attempt got no answer though it was applied, and was repeated.
        async conditional(name, statements) {
          const first = await database.conditional(name, statements);
          if (name !== 'stock.adjust') return first;
          return { ...(await database.conditional(name, statements)), uncertain: true };
        },
      },
    };
  });
  const { body, headers } = await createAdmin(lossy)
    .adjust(id, randomUUID(), { quantity: 4, reason: 'Delivery' })
    .expect(200);
  assert.equal(body.available, 9);
  assert.equal(headers['idempotent-replayed'], undefined);
  await assertAddsUp(id);
  await lossy.stop();
});

test('a product that an adjustment sells out, or brings back, is shown so in the lists within two seconds', async () => {
  const sku = `LIST-${randomUUID()}`;
  const { body } = await admin.createProduct(newProduct({ sku, stock: 2, brand: sku })).expect(201);
  const shown = async () =>
    (await request(worker.app).get('/api/v1/products').query({ brand: sku })).body.data[0]?.stock.inStock;
  assert.equal(await shown(), true);
  await admin.adjust(body.id, randomUUID(), { quantity: -2, reason: 'Broken' }).expect(200);
  await eventually(async () => (await shown()) === false, Boolean, LAG);
  await admin.adjust(body.id, randomUUID(), { quantity: 1, reason: 'Found' }).expect(200);
  await eventually(async () => (await shown()) === true, Boolean, LAG);
});

test('invalid adjustments are refused and don’t use up the key', async () => {
  const id = await create(5);
  const key = randomUUID();
  for (const [adjustment, pointer] of [
    [{ quantity: 0, reason: 'x' }, '/quantity'],
    [{ quantity: 1.5, reason: 'x' }, '/quantity'],
    [{ quantity: '1', reason: 'x' }, '/quantity'],
    [{ quantity: 1_000_001, reason: 'x' }, '/quantity'],
    [{ quantity: -1_000_001, reason: 'x' }, '/quantity'],
    [{ quantity: 1 }, '/reason'],
    [{ quantity: 1, reason: '' }, '/reason'],
    [{ quantity: 1, reason: 'a\nb' }, '/reason'],
    [{ quantity: 1, reason: 'x', available: 7 }, '/available'],
  ] as const) {
    const { status, body } = await admin.adjust(id, key, adjustment);
    assert.equal(`${status} ${body.code}`, '400 validation_failed', JSON.stringify(adjustment));
    assert.equal(body.errors[0].pointer, pointer);
  }
  const { app } = shop.service;
  const token = `Bearer ${userToken({ role: 'admin' })}`;
  const { body } = await request(app)
    .post(`/api/v1/products/${id}/stock-adjustments`)
    .set('authorization', token)
    .send({ quantity: 1, reason: 'x' })
    .expect(400);
  assert.equal(body.code, 'idempotency_key_required');
  await admin.adjust(id, 'x'.repeat(256), { quantity: 1, reason: 'x' }).expect(400);
  await admin.adjust(randomUUID(), key, { quantity: 1, reason: 'x' }).expect(404);
  await admin.adjust(id, key, { quantity: 1, reason: 'x' }).expect(200);
});

test('a stock can’t exceed its limit', async () => {
  const id = await create(0);
  await shop.client.execute(
    'UPDATE products SET available = 999999999 WHERE product_id = ? AND op_id = 00000000-0000-0000-0000-000000000000 IF EXISTS',
    [id],
    { prepare: true },
  );
  await admin.adjust(id, randomUUID(), { quantity: 1, reason: 'x' }).expect(200);
  const { body } = await admin.adjust(id, randomUUID(), { quantity: 1, reason: 'x' }).expect(409);
  assert.equal(body.code, 'stock_limit_exceeded');
});

test('each adjustment has one line in the audit log, a replay has none', async () => {
  const id = await create(5);
  const key = randomUUID();
  for (let times = 1; times <= 3; times += 1)
    await admin.adjust(id, key, { quantity: 2, reason: 'Delivery' }).expect(200);
  await admin.adjust(id, randomUUID(), { quantity: -8, reason: 'Broken' }).expect(409);
  const lines = await admin.listLines('stock', id);
  assert.deepEqual(
    lines.map(({ action, outcome, code, before, after }: Record<string, unknown>) => ({
      action,
      outcome,
      code,
      before,
      after,
    })),
    [
      {
        action: 'adjust',
        outcome: 'refused',
        code: 'insufficient_stock',
        before: { available: 7, reserved: 0, sold: 0 },
        after: null,
      },
      {
        action: 'adjust',
        outcome: 'done',
        code: null,
        before: { available: 5, reserved: 0, sold: 0 },
        after: { quantity: 2, reason: 'Delivery', available: 7, reserved: 0, sold: 0 },
      },
    ],
  );
});
