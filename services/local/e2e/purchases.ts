import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { describeSmoke, smokeStore } from '../src/commands/smoke.ts';
import { type Answer, bodyOf, codeOf, newAccount, type Shopper, SOMEWHERE } from '../src/shop-client.ts';
import { eventually } from '../test-support/eventually.ts';
import type { RunningStore } from './running-store.ts';

/** What a shopper does, and what happens when much of it is done at once. */
export function purchases(running: () => RunningStore): void {
  test('a shopper signs up, browses, fills a cart, orders, and watches the order arrive', async () => {
    const { shop } = running();
    const account = newAccount();
    assert.equal((await shop.register(account)).status, 201);
    const { access_token: token } = bodyOf(await shop.login(account), 200);
    const shopper = shop.as(token);
    const [summary] = bodyOf(await shop.listProducts({ inStock: true, sort: 'price', limit: 1 }), 200).data;
    const product = bodyOf(await shop.product(summary?.id as string), 200);
    const cart = bodyOf(await shopper.addItem(product.id, 2), 201);
    assert.deepEqual(cart.total, { amount: 2 * product.price.amount, currency: 'USD' });

    const placed = await shopper.placeOrder(randomUUID(), { ...SOMEWHERE, expectedTotal: cart.total });
    const order = bodyOf(placed, 201, 202);
    assert.equal(placed.headers.location, `/api/v1/orders/${order.id}`);
    const arrived = await eventually(
      async () => bodyOf(await shopper.order(order.id), 200),
      ({ status }) => status === 'delivered',
      30_000,
    );
    const { history } = arrived as typeof arrived & { history: { status: string }[] };
    assert.deepEqual(
      history.map(({ status }) => status),
      ['pending', 'confirmed', 'processing', 'shipped', 'delivered'],
    );
    const [listed] = bodyOf(await shopper.listOrders(), 200).data;
    assert.equal(listed?.status, 'delivered');
    assert.equal((await shopper.cancel(order.id)).status, 409);
  });

  test('the smoke run finds no fault in any endpoint; each service fits into 150 MB and the store into 3 GB', async () => {
    const { store, settings } = running();
    const admin = { email: settings.adminEmail, password: settings.adminPassword as string };
    const report = await smokeStore({ baseUrl: store.baseUrl, dataDir: store.dataDir, admin });
    assert.equal(report.failed, 0, describeSmoke(report).join('\n'));
    assert.ok(report.passed > 20);
  });

  test('one Idempotency-Key 50 times at once is one order, and the key keeps returning that order', async () => {
    const { newShopper, catalogue, readStock } = running();
    const product = await catalogue.addProduct({ stock: 100 });
    const shopper = newShopper();
    bodyOf(await shopper.addItem(product.id, 2), 201);
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 50 }, () => shopper.placeOrder(key)));
    for (const answer of answers) {
      const { status } = answer;
      assert.ok(
        status === 201 || status === 202 || (status === 409 && codeOf(answer) === 'idempotency_in_progress'),
        `${status}`,
      );
    }
    const replayed = await eventually(
      () => shopper.placeOrder(key),
      ({ status }) => status !== 409,
      10_000,
    );
    assert.equal(replayed.headers['idempotent-replayed'], 'true');
    const ids = new Set([...answers, replayed].filter(({ status }) => status < 300).map(({ body }) => body.id));
    assert.equal(ids.size, 1);
    const other = await shopper.placeOrder(key, {
      shippingAddress: { ...SOMEWHERE.shippingAddress, city: 'Elsewhere' },
    });
    assert.equal(other.status, 422);
    await eventually(
      () => readStock(product.id),
      ({ sold }) => sold === 2,
      10_000,
    );
    assert.equal(bodyOf(await shopper.listOrders(), 200).data.length, 1);
  });

  test('40 concurrent additions to one cart are 40 units', async () => {
    const { newShopper, catalogue } = running();
    const product = await catalogue.addProduct({ stock: 100 });
    const shopper = newShopper();
    const answers = await Promise.all(Array.from({ length: 40 }, () => shopper.addItem(product.id, 1)));
    for (const answer of answers) bodyOf(answer, 201);
    assert.equal(bodyOf(await shopper.cart(), 200).itemCount, 40);
  });

  test('two concurrent orders for one cart are one order and one cart_empty', async () => {
    const { newShopper, catalogue, readStock } = running();
    const product = await catalogue.addProduct({ stock: 10 });
    const shopper = newShopper();
    bodyOf(await shopper.addItem(product.id, 3), 201);
    const answers = await Promise.all([shopper.placeOrder(randomUUID()), shopper.placeOrder(randomUUID())]);
    const codes = answers.map((answer) => (answer.status === 409 ? codeOf(answer) : answer.status));
    assert.deepEqual(codes.sort(), [201, 'cart_empty']);
    assert.deepEqual(await readStock(product.id), { available: 7, reserved: 0, sold: 3 });
  });

  test('20 concurrent cancellations return the stock once', async () => {
    const { newShopper, catalogue, readStock } = running();
    const product = await catalogue.addProduct({ stock: 10 });
    const shopper = newShopper();
    bodyOf(await shopper.addItem(product.id, 4), 201);
    const order = bodyOf(await shopper.placeOrder(randomUUID()), 201);
    const answers = await Promise.all(Array.from({ length: 20 }, () => shopper.cancel(order.id)));
    assert.equal(answers.filter(({ status }) => status === 200).length, 1);
    assert.ok(answers.every(({ status }) => status === 200 || status === 409));
    await eventually(
      () => readStock(product.id),
      ({ available }) => available === 10,
      10_000,
    );
    assert.deepEqual(await readStock(product.id), { available: 10, reserved: 0, sold: 0 });
    assert.equal(bodyOf(await shopper.listOrders(), 200).data[0]?.status, 'cancelled');
  });

  test('50 concurrent refreshes of one token leave at most one valid child', async () => {
    const { shop } = running();
    const account = newAccount();
    bodyOf(await shop.register(account), 201);
    const { refresh_token: token } = bodyOf(await shop.login(account), 200);
    const answers = await Promise.all(Array.from({ length: 50 }, () => shop.refresh(token)));
    const children = answers.filter(({ status }) => status === 200).map(({ body }) => body.refresh_token);
    assert.ok(children.length <= 1, `${children.length} children`);
    assert.ok(answers.every(({ status }) => status === 200 || status === 401));
  });

  test('640 concurrent orders for 200 units: exactly 200 are confirmed, all others refused, nothing stays held', async (t) => {
    const { newShopper, catalogue, readStock } = running();
    const product = await catalogue.addProduct({ stock: 200 });
    const shoppers = Array.from({ length: 640 }, newShopper);
    await inGroups(shoppers, 40, async (shopper) => void bodyOf(await shopper.addItem(product.id, 1), 201));

    let repeated = 0;
    const placeUntilTold = async (shopper: Shopper) => {
      const key = randomUUID();
      const first = await shopper.placeOrder(key);
      if (isTold(first)) return first;
      repeated += 1;
      return eventually(() => shopper.placeOrder(key), isTold, 60_000);
    };
    const answers = await Promise.all(shoppers.map(placeUntilTold));
    t.diagnostic(`${repeated} were told to try again`);
    const refused = answers.filter((answer) => answer.status === 409 && codeOf(answer) === 'insufficient_stock');
    const accepted = answers.filter(({ status }) => status === 201 || status === 202);
    assert.equal(
      refused.length + accepted.length,
      640,
      JSON.stringify(answers.find(({ status }) => ![201, 202, 409].includes(status))),
    );

    const decided = await eventually(
      () =>
        inGroups(shoppers, 40, async (shopper, index) => {
          const { status, body } = answers[index] as (typeof answers)[number];
          return status < 300 ? (await readPatiently(() => shopper.order(body.id)))?.status : 'rejected';
        }),
      (statuses) => statuses.every((status) => status !== undefined && status !== 'pending'),
      60_000,
    );
    assert.equal(decided.filter((status) => status !== 'rejected').length, 200);
    assert.deepEqual(await readStock(product.id), { available: 0, reserved: 0, sold: 200 });
    const losers = shoppers.filter((_, index) => decided[index] === 'rejected').slice(0, 20);
    for (const loser of losers) {
      await eventually(
        async () => (await readPatiently(() => loser.cart()))?.itemCount,
        (count) => count === 1,
        10_000,
      );
    }
  });
}

/** False if the store was too busy, or the first request with the key is still in progress: the client then retries. */
function isTold(answer: Answer): boolean {
  return answer.status !== 503 && answer.status !== 504 && codeOf(answer) !== 'idempotency_in_progress';
}

/** Undefined while the store is too busy, as it may be after a burst: the client then retries. */
async function readPatiently<Body>(read: () => Promise<Answer<Body>>): Promise<Body | undefined> {
  const answer = await read();
  return answer.status === 503 || answer.status === 504 ? undefined : bodyOf(answer, 200);
}

async function inGroups<Item, Result>(
  items: readonly Item[],
  size: number,
  work: (item: Item, index: number) => Promise<Result>,
) {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += size) {
    const group = items.slice(start, start + size);
    results.push(...(await Promise.all(group.map((item, index) => work(item, start + index)))));
  }
  return results;
}
