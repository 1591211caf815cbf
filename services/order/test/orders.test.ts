// Integration: what happens to placed orders, and who can see them.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CheckoutStores, startCheckoutStores } from '../../local/test-support/checkout-stores.ts';
import { eventually } from '../../local/test-support/eventually.ts';
import { newShopper, type Shopper } from './support/shopper.ts';

/** How long an order rests in each status. */
const STEP_MS = 1500;

interface Entry {
  readonly status: string;
  readonly actor: string;
}

let stores: CheckoutStores;

before(async () => {
  stores = await startCheckoutStores(STEP_MS);
});
after(() => stores.stop());

async function place(shopper: Shopper, quantity = 1): Promise<string> {
  await shopper.add(await stores.createProduct(10), quantity);
  return (await shopper.place().expect(201)).body.id;
}

test('an order is visible to its owner and to admins; for anyone else it is 404', async () => {
  const [owner, stranger, admin] = [newShopper(stores), newShopper(stores), newShopper(stores, 'admin')];
  const id = await place(owner);
  await owner.get(`/api/v1/orders/${id}`).expect(200);
  await admin.get(`/api/v1/orders/${id}`).expect(200);
  for (const answer of [await stranger.get(`/api/v1/orders/${id}`), await stranger.cancel(id)]) {
    assert.equal(answer.status, 404);
    assert.equal(answer.body.code, 'order_not_found');
  }
  assert.equal((await owner.get(`/api/v1/orders/${id}`)).body.status, 'confirmed');
  for (const unknown of [randomUUID(), '11111111-1111-1111-1111-111111111111']) {
    await owner.get(`/api/v1/orders/${unknown}`).expect(404);
  }
});

test('an order’s ETag is its version: an unchanged order is 304, a changed one is sent', async () => {
  const owner = newShopper(stores);
  await owner.add(await stores.createProduct(10), 1);
  const placed = await owner.place().expect(201);
  const { id } = placed.body;
  const { headers, body } = await owner.get(`/api/v1/orders/${id}`).expect(200);
  assert.equal(headers.etag, `"${body.version}"`);
  assert.equal(placed.headers.etag, headers.etag);
  const same = await owner.get(`/api/v1/orders/${id}`).set('if-none-match', `W/${headers.etag}`).expect(304);
  assert.equal(same.text, '');
  const cancelled = await owner.cancel(id).expect(200);
  const changed = await owner
    .get(`/api/v1/orders/${id}`)
    .set('if-none-match', headers.etag as string)
    .expect(200);
  assert.equal(cancelled.headers.etag, changed.headers.etag);
});

test('a user’s orders come newest first, page by page, each once, and can be filtered by status', async () => {
  const owner = newShopper(stores);
  const ids: string[] = [];
  for (let index = 0; index < 5; index += 1) ids.push(await place(owner));
  await owner.cancel(ids[2] as string).expect(200);
  const walked: string[] = [];
  let path: string | null = '/api/v1/orders?limit=2';
  while (path) {
    const { body }: { body: { data: { id: string }[]; page: { nextCursor: string | null } } } = await owner
      .get(path)
      .expect(200);
    assert.ok(body.data.length <= 2);
    walked.push(...body.data.map(({ id }) => id));
    path = body.page.nextCursor && `/api/v1/orders?limit=2&cursor=${encodeURIComponent(body.page.nextCursor)}`;
  }
  assert.deepEqual(walked, ids.toReversed());
  const cancelled = await owner.get('/api/v1/orders?status=cancelled').expect(200);
  assert.deepEqual(
    cancelled.body.data.map(({ id }: { id: string }) => id),
    [ids[2]],
  );
});

test('a cursor is valid for its own list only', async () => {
  const [owner, stranger] = [newShopper(stores), newShopper(stores)];
  for (let index = 0; index < 2; index += 1) await place(owner);
  const { nextCursor } = (await owner.get('/api/v1/orders?limit=1').expect(200)).body.page;
  const cursor = encodeURIComponent(nextCursor);
  await owner.get(`/api/v1/orders?limit=1&cursor=${cursor}`).expect(200);
  const foreign = [
    await stranger.get(`/api/v1/orders?limit=1&cursor=${cursor}`),
    await owner.get(`/api/v1/orders?limit=1&status=cancelled&cursor=${cursor}`),
    await owner.get(`/api/v1/orders?limit=1&cursor=${cursor.slice(0, -2)}`),
  ];
  for (const { status, body } of foreign) assert.deepEqual([status, body.code], [400, 'invalid_cursor']);
});

test('a cancelled order can’t be cancelled again, and the refusal lists what is allowed', async () => {
  const owner = newShopper(stores);
  const id = await place(owner);
  await owner.cancel(id).expect(200);
  const { body } = await owner.cancel(id).expect(409);
  assert.equal(body.code, 'invalid_transition');
  assert.deepEqual(body.allowed, []);
});

test('two workers move an order on to delivered, each step once; from shipped on it can’t be cancelled', async () => {
  const second = await stores.startDying('order');
  const owner = newShopper(stores);
  const id = await place(owner);
  stores.startRecovery();
  second.service.start();
  const read = async () => (await owner.get(`/api/v1/orders/${id}`).expect(200)).body;
  const { history } = await eventually(read, ({ status }) => status === 'delivered', 30_000);
  assert.deepEqual(
    history.map(({ status }: Entry) => status),
    ['pending', 'confirmed', 'processing', 'shipped', 'delivered'],
  );
  const refused = await owner.cancel(id).expect(409);
  assert.equal(refused.body.code, 'invalid_transition');
  await sleep(500);
  assert.equal((await owner.get('/api/v1/orders').expect(200)).body.data[0].status, 'delivered');
});
