// Integration: how admins see and change orders.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import supertest, { type Response } from 'supertest';
import { v5 as uuidv5 } from 'uuid';
import { type CheckoutStores, startCheckoutStores } from '../../local/test-support/checkout-stores.ts';
import type { Death } from '../../local/test-support/dying-platform.ts';
import { eventually } from '../../local/test-support/eventually.ts';
import { userToken } from '../../local/test-support/service-config.ts';
import { STATUSES, type Status } from '../src/orders/order.ts';
import { newShopper, type Shopper } from './support/shopper.ts';

interface Entry {
  readonly status: string;
  readonly actor: string;
  readonly reason?: string;
}

/** The statuses that an admin may give an order in each status; all others are refused. */
const ALLOWED: Readonly<Record<Status, readonly Status[]>> = {
  pending: ['cancelled'],
  confirmed: ['processing', 'cancelled'],
  processing: ['shipped', 'cancelled'],
  shipped: ['delivered'],
  delivered: [],
  cancelled: [],
  rejected: [],
};
const UNITS = 10;
const UNTOUCHED = { available: UNITS, reserved: 0, sold: 0 };

interface Placed {
  readonly owner: Shopper;
  readonly id: string;
  readonly productId: string;
}

async function place(stores: CheckoutStores): Promise<Placed> {
  const owner = newShopper(stores);
  const productId = await stores.createProduct(UNITS);
  await owner.add(productId, 3);
  const placed = { owner, productId, id: await placePatiently(owner) };
  await decided(placed);
  return placed;
}

/** A busy machine may answer 503 at first; retries use the same key. */
async function placePatiently(owner: Shopper): Promise<string> {
  const key = randomUUID();
  for (const deadline = Date.now() + 30_000; ; await sleep(500)) {
    const { status, body } = await owner.place({ key });
    if (status === 201 || status === 202) return body.id;
    assert.ok(status === 503 && Date.now() < deadline, JSON.stringify(body));
  }
}

/** An order that was answered 202 stays pending for a while. */
async function decided({ owner, id }: Pick<Placed, 'owner' | 'id'>): Promise<void> {
  const readStatus = async () => (await owner.get(`/api/v1/orders/${id}`).expect(200)).body.status;
  await eventually(readStatus, (status) => status !== 'pending', 30_000);
}

const historyOf = async ({ owner, id }: Placed): Promise<Entry[]> =>
  (await owner.get(`/api/v1/orders/${id}`).expect(200)).body.history;
const statusesOf = async (placed: Placed) => (await historyOf(placed)).map(({ status }) => status);
const idsOf = ({ data }: { data: { id: string }[] }) => data.map(({ id }) => id);

describe('orders that rest', () => {
  let stores: CheckoutStores;
  let admin: Shopper;

  before(async () => {
    stores = await startCheckoutStores();
    admin = newShopper(stores, 'admin');
  });
  after(() => stores.stop());

  const reach = async (...steps: readonly Status[]): Promise<Placed> => {
    const placed = await place(stores);
    for (const to of steps) await admin.transition(placed.id, to).expect(200);
    return placed;
  };
  const orderIn: Readonly<Record<Status, () => Promise<Placed>>> = {
    async pending() {
      const { url } = await stores.startDying('order', undefined, { product: 'http://127.0.0.1:9' });
      const [owner, productId] = [newShopper(stores), await stores.createProduct(UNITS)];
      await owner.add(productId, 3);
      return { owner, productId, id: (await owner.place({ url }).expect(202)).body.id };
    },
    async rejected() {
      const [owner, rival, productId] = [newShopper(stores), newShopper(stores), await stores.createProduct(UNITS)];
      const key = randomUUID();
      await owner.add(productId, 3);
      await rival.add(productId, UNITS);
      await decided({ owner: rival, id: (await rival.place()).body.id });
      await owner.place({ key });
      const id = uuidv5(`POST /api/v1/orders ${key}`, owner.userId);
      await decided({ owner, id });
      return { owner, productId, id };
    },
    confirmed: () => reach(),
    processing: () => reach('processing'),
    shipped: () => reach('processing', 'shipped'),
    delivered: () => reach('processing', 'shipped', 'delivered'),
    cancelled: () => reach('cancelled'),
  };

  for (const from of STATUSES) {
    const allowed = ALLOWED[from];
    const refused = STATUSES.filter((to) => !allowed.includes(to));

    test(`an order that is ${from} can’t become ${refused.join(', ')}: the refusal lists what is allowed`, async () => {
      const placed = await orderIn[from]();
      const before = await historyOf(placed);
      for (const to of refused) {
        const { body } = await admin.transition(placed.id, to).expect(409);
        assert.deepEqual([body.code, body.orderStatus, body.allowed], ['invalid_transition', from, allowed], to);
      }
      assert.deepEqual(await historyOf(placed), before);
    });

    for (const to of allowed) {
      test(`an order that is ${from} becomes ${to}: at once in every list, with who did it and why`, async () => {
        const placed = await orderIn[from]();
        const { body, headers } = await admin.transition(placed.id, to, 'Because.').expect(200);
        assert.equal(body.status, to);
        assert.equal(headers.etag, `"${body.version}"`);
        const { status, actor, reason } = (await historyOf(placed)).at(-1) as Entry;
        assert.deepEqual({ status, actor, reason }, { status: to, actor: admin.userId, reason: 'Because.' });
        const own = (await placed.owner.get('/api/v1/orders').expect(200)).body;
        const all = (await admin.get(`/api/v1/admin/orders?status=${to}&limit=100`).expect(200)).body;
        // An order that never got its lines is in no list.
        assert.deepEqual(
          [idsOf(own).includes(placed.id), idsOf(all).includes(placed.id)],
          Array(2).fill(from !== 'pending'),
        );
        const stock = to === 'cancelled' ? UNTOUCHED : { available: UNITS - 3, reserved: 0, sold: 3 };
        assert.deepEqual(await stores.readStock(placed.productId), stock);
        assert.equal((await placed.owner.cart()).itemCount, from === 'pending' ? 3 : 0);
        assert.equal(headers['cache-control'], 'no-store');
      });
    }
  }

  test('20 cancellations by admins and one by the owner at once return the stock once', async () => {
    const placed = await place(stores);
    const admins = Array.from({ length: 20 }, () => newShopper(stores, 'admin'));
    const cancellations = admins.map((each, index) =>
      index % 2 ? each.cancel(placed.id) : each.transition(placed.id, 'cancelled'),
    );
    const answers = await Promise.all([placed.owner.cancel(placed.id), ...cancellations]);
    const statuses = answers.map(({ status }) => status).sort();
    assert.deepEqual(statuses, [200, ...Array(20).fill(409)]);
    assert.deepEqual(await stores.readStock(placed.productId), UNTOUCHED);
    assert.deepEqual(await statusesOf(placed), ['pending', 'confirmed', 'cancelled']);
  });

  test('20 admins who move an order on at once move it one step', async () => {
    const placed = await place(stores);
    const admins = Array.from({ length: 20 }, () => newShopper(stores, 'admin'));
    const answers = await Promise.all(admins.map((each) => each.transition(placed.id, 'processing')));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, ...Array(19).fill(409)]);
    assert.deepEqual(await statusesOf(placed), ['pending', 'confirmed', 'processing']);
  });

  test('each change by an admin, even a refused one, leaves a line in the audit log; an owner’s leaves none', async () => {
    const [one, other, owners] = [await place(stores), await place(stores), await place(stores)];
    await admin.transition(one.id, 'processing', 'In stock.').expect(200);
    await admin.transition(one.id, 'delivered').expect(409);
    await admin.cancel(other.id).expect(200);
    await owners.owner.cancel(owners.id).expect(200);
    const { body } = await admin.get('/api/v1/admin/audit?entity=order&limit=100').expect(200);
    const lines = body.data.filter(({ entityId }: { entityId: string }) =>
      [one.id, other.id, owners.id].includes(entityId),
    );
    const facts = { entity: 'order', actor: admin.userId };
    const expected = [
      {
        ...facts,
        entityId: other.id,
        action: 'cancel',
        outcome: 'done',
        code: null,
        before: { status: 'confirmed' },
        after: { status: 'cancelled' },
      },
      {
        ...facts,
        entityId: one.id,
        action: 'transition',
        outcome: 'refused',
        code: 'invalid_transition',
        before: { status: 'processing' },
        after: null,
      },
      {
        ...facts,
        entityId: one.id,
        action: 'transition',
        outcome: 'done',
        code: null,
        before: { status: 'confirmed' },
        after: { status: 'processing', reason: 'In stock.' },
      },
    ];
    assert.deepEqual(
      lines.map(({ id, at, ...line }: { id: string; at: string }) => line),
      expected,
    );
  });

  test('transitions and the list of all orders are for admins only; an unknown order is 404', async () => {
    const placed = await place(stores);
    for (const answer of [
      await placed.owner.transition(placed.id, 'processing'),
      await placed.owner.get('/api/v1/admin/orders'),
    ]) {
      assert.deepEqual([answer.status, answer.body.code], [403, 'forbidden']);
    }
    const { body } = await admin.transition(randomUUID(), 'processing').expect(404);
    assert.equal(body.code, 'order_not_found');
  });

  test('invalid input is 400 naming its field, and changes nothing', async () => {
    const placed = await place(stores);
    for (const [to, reason, pointer] of [
      ['gone', undefined, '/to'],
      ['', undefined, '/to'],
      ['cancelled', '', '/reason'],
      ['cancelled', 'a\u0000b', '/reason'],
      ['cancelled', 'x'.repeat(501), '/reason'],
    ] as const) {
      const { body } = await admin.transition(placed.id, to, reason).expect(400);
      assert.deepEqual([body.code, body.errors[0].pointer], ['validation_failed', pointer]);
    }
    for (const query of [
      'day=today',
      'day=2026-02-30',
      'day=2026-1-1',
      'status=gone',
      'limit=0',
      'user=x',
      'day=2026-01-01&day=2026-01-02',
    ]) {
      const { body } = await admin.get(`/api/v1/admin/orders?${query}`).expect(400);
      assert.equal(body.code, 'validation_failed', query);
    }
    assert.deepEqual(await statusesOf(placed), ['pending', 'confirmed']);
  });

  test('the list of a day has all users’ orders, newest first, page by page, each once, with one query per page', async () => {
    const placed: string[] = [];
    for (let count = 0; count < 5; count += 1) placed.push((await place(stores)).id);
    await admin.transition(placed[2] as string, 'processing').expect(200);
    const today = new Date().toISOString().slice(0, 10);
    const walked: string[] = [];
    let [path, pages]: [string | null, number] = [`/api/v1/admin/orders?day=${today}&limit=2`, 0];
    const before = await queries();
    while (path) {
      const { body, headers }: Response = await admin.get(path).expect(200);
      walked.push(...idsOf(body));
      pages += 1;
      path = /<(.+)>; rel="next"/.exec(headers.link ?? '')?.[1] ?? null;
      assert.equal(path === null, body.page.nextCursor === null);
    }
    assert.equal((await queries()) - before, pages);
    assert.deepEqual(walked.slice(0, 5), placed.toReversed());
    assert.equal(new Set(walked).size, walked.length);
    assert.deepEqual(idsOf((await admin.get('/api/v1/admin/orders?limit=100').expect(200)).body), walked);
    const moved = (await admin.get('/api/v1/admin/orders?status=processing&limit=1').expect(200)).body;
    assert.deepEqual(idsOf(moved), [placed[2]]);
  });

  test('another day has none of today’s orders, and a cursor is valid for its own day and status only', async () => {
    for (let count = 0; count < 2; count += 1) await place(stores);
    for (const day of ['2020-02-29', '0001-01-01', '9999-12-31']) {
      assert.deepEqual((await admin.get(`/api/v1/admin/orders?day=${day}`).expect(200)).body.data, [], day);
    }
    const { nextCursor } = (await admin.get('/api/v1/admin/orders?limit=1').expect(200)).body.page;
    const cursor = encodeURIComponent(nextCursor);
    await admin.get(`/api/v1/admin/orders?limit=1&cursor=${cursor}`).expect(200);
    for (const query of ['day=2020-02-29', 'status=confirmed']) {
      const { body } = await admin.get(`/api/v1/admin/orders?${query}&cursor=${cursor}`).expect(400);
      assert.equal(body.code, 'invalid_cursor');
    }
    await admin.get(`/api/v1/orders?limit=1&cursor=${cursor}`).expect(400);
  });

  test('a transition cut off anywhere is made or not made, never half, and never without a line in the audit log', async () => {
    const cutOffs = [];
    for (const to of ['processing', 'cancelled'] as const) {
      const { effects } = await transitionThroughDying(to);
      assert.ok(effects >= 6, `${effects} effects`);
      const deaths = Array.from({ length: 2 * effects }, (_, index): Death => {
        return { effect: 1 + (index >> 1), when: index % 2 ? 'after' : 'before' };
      });
      cutOffs.push(...(await pLimit(6).map(deaths, (death) => transitionThroughDying(to, death))));
    }
    stores.startRecovery();
    const outcomes = await Promise.all(cutOffs.map(assertWhole));
    assert.deepEqual([...new Set(outcomes)].sort(), ['cancelled', 'confirmed', 'processing']);
  });

  /** On a service that dies at `death`, by a new admin. */
  async function transitionThroughDying(to: Status, death?: Death) {
    const [placed, { url, platform }] = [await place(stores), await stores.startDying('order', death)];
    const { status } = await supertest(url)
      .post(`/api/v1/orders/${placed.id}/transitions`)
      .set({ authorization: `Bearer ${userToken({ role: 'admin' })}` })
      .send({ to });
    const effects = platform?.effects ?? [];
    assert.equal(platform?.isDead(), death !== undefined);
    const point = `${to}, ${death?.when} ${death?.effect}, ${effects.at(-1)}`;
    return { placed, to, point, isAcknowledged: status === 200, effects: effects.length };
  }

  async function assertWhole(cutOff: Awaited<ReturnType<typeof transitionThroughDying>>): Promise<string> {
    const { placed, to, point, isAcknowledged } = cutOff;
    const deadline = Date.now() + 60_000;
    for (;;) {
      const status = (await statusesOf(placed)).at(-1) ?? '';
      assert.ok(status === to || (status === 'confirmed' && !isAcknowledged), `${point}: ${status}`);
      const listed = (await placed.owner.get('/api/v1/orders').expect(200)).body.data[0]?.status;
      const { available, reserved } = await stores.readStock(placed.productId);
      if (listed === status && available + reserved === (status === 'cancelled' ? UNITS : UNITS - 3)) {
        const { data } = (await admin.get('/api/v1/admin/audit?entity=order&limit=100').expect(200)).body;
        const line = data.find(({ entityId }: { entityId: string }) => entityId === placed.id);
        assert.ok(status === 'confirmed' || line, `${point}: no line`);
        return status;
      }
      assert.ok(Date.now() < deadline, `${point}: ${status}, listed ${listed}, ${available} available`);
      await sleep(500);
    }
  }

  async function queries(): Promise<number> {
    const { text } = await admin.get('/metrics').expect(200);
    const counts = text.matchAll(/^cassandra_query_duration_seconds_count\{query="order\.[^}]*\} (\d+)$/gm);
    return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
  }
});

describe('orders that move by themselves, under two workers', () => {
  let stores: CheckoutStores;
  let admin: Shopper;

  before(async () => {
    stores = await startCheckoutStores(400);
    admin = newShopper(stores, 'admin');
    const second = await stores.startDying('order');
    stores.startRecovery();
    second.service.start();
  });
  after(() => stores.stop());

  const settled = (placed: Placed): Promise<string[]> =>
    eventually(
      () => statusesOf(placed),
      (statuses) => ['delivered', 'cancelled'].includes(statuses.at(-1) ?? ''),
      60_000,
    );

  test('an admin who moves orders on at the same time causes no step to happen twice or to be left out', async () => {
    const placed = await Promise.all(Array.from({ length: 6 }, () => place(stores)));
    const pushing = placed.map(async ({ id }, index) => {
      await sleep(100 * index);
      for (const to of ['processing', 'shipped'] as const) {
        const { status } = await admin.transition(id, to);
        assert.ok(status === 200 || status === 409, `${status}`);
        await sleep(250);
      }
    });
    await Promise.all(pushing);
    for (const each of placed) {
      assert.deepEqual(await settled(each), ['pending', 'confirmed', 'processing', 'shipped', 'delivered']);
      assert.deepEqual(await stores.readStock(each.productId), { available: UNITS - 3, reserved: 0, sold: 3 });
    }
  });

  test('a cancellation that races with the workers is either complete or refused', async () => {
    const placed = await Promise.all(Array.from({ length: 6 }, () => place(stores)));
    const answers = await Promise.all(
      placed.map(async ({ id }, index) => {
        await sleep(200 * index);
        return (await admin.transition(id, 'cancelled')).status;
      }),
    );
    for (const [index, each] of placed.entries()) {
      const last = (await settled(each)).at(-1);
      assert.equal(last, answers[index] === 200 ? 'cancelled' : 'delivered', `${answers[index]}`);
      const stock = last === 'cancelled' ? UNTOUCHED : { available: UNITS - 3, reserved: 0, sold: 3 };
      assert.deepEqual(await stores.readStock(each.productId), stock);
    }
  });
});
