import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from '../src/shop-client.ts';
import type { TestProduct } from '../test-support/catalogue.ts';
import { eventually } from '../test-support/eventually.ts';
import { createOrderBook, type OrderBook } from './order-book.ts';
import { type RunningStore, startRunningStore, violationsOf } from './running-store.ts';
import { startThreeNodes, type ThreeNodes } from './three-nodes.ts';

const SHOPPERS = 8;
/** ms for which a shopper looks at a page. */
const GLANCE = 100;
/** ms in which the loss of a node may be noticed, and the share of answers that may be errors then. */
const NOTICED_WITHIN = 5000;
const NOTICED_BY = 0.01;
/** ms for everything to be decided after a fault. */
const SETTLED_WITHIN = 60_000;

/** The answer that a shopper got; status 0 is none. */
interface Heard {
  readonly what: 'look' | 'change';
  readonly askedAt: number;
  readonly heardAt: number;
  readonly status: number;
  readonly body: unknown;
}

let nodes: ThreeNodes;
let running: RunningStore;
let products: TestProduct[];

before(async () => {
  nodes = await startThreeNodes();
  const environment = { CASSANDRA_CONTACT_POINTS: nodes.contactPoints.join(',') };
  running = await startRunningStore({
    cassandra: { ...nodes.first, admin: nodes.admin, replicationFactor: 3 },
    serviceEnvironment: { product: environment, cart: environment, order: environment, user: environment },
    seedProducts: 100,
  });
  products = await running.catalogue.addProducts(Array.from({ length: 20 }, () => ({ stock: 10_000 })));
});
after(async () => {
  await running?.stop();
  await nodes?.stop();
});

test('one of three nodes is killed under load: at most 1 % errors for at most 5 s, then none, and nothing is lost', async (context) => {
  const shopping = goShopping(context);
  await sleep(5000);
  const killedAt = Date.now();
  await nodes.kill(2);
  await sleep(NOTICED_WITHIN + 10_000);
  const { heard, book } = await shopping.end();

  const failed = heard.filter(({ status }) => status === 0 || status >= 400);
  const noticing = heard.filter(({ heardAt }) => heardAt >= killedAt && heardAt < killedAt + NOTICED_WITHIN);
  const whileNoticing = failed.filter((answer) => noticing.includes(answer));
  const seconds = (heard.at(-1)?.heardAt ?? 0) - (heard[0]?.heardAt ?? 0);
  context.diagnostic(
    `${heard.length} answers in ${Math.round(seconds / 1000)} s, ${noticing.length} within 5 s of the kill: ${whileNoticing.length} errors, the last ${lastAfter(failed, killedAt)} ms after it`,
  );
  assert.deepEqual(
    failed.filter((answer) => !noticing.includes(answer)).map(toSentence(killedAt)),
    [],
    'errors before the kill or over 5 s after it',
  );
  assert.ok(
    whileNoticing.length <= NOTICED_BY * noticing.length,
    `${whileNoticing.length} of ${noticing.length}: ${whileNoticing.map(toSentence(killedAt)).join('; ')}`,
  );
  await assertNothingLost(book);
});

test('a second one is killed: changes are refused with 503, and after both are back all that was acknowledged is there', async (context) => {
  const shopping = goShopping(context);
  await sleep(2000);
  await nodes.kill(1);
  const deadAt = Date.now();
  await sleep(8000);
  const startingAt = Date.now();
  await nodes.start(1, 2);
  await eventually(buysSomething, Boolean, SETTLED_WITHIN);
  const backAt = Date.now();
  await sleep(3000);
  const { heard, book } = await shopping.end();

  const alone = heard.filter(({ askedAt, heardAt }) => askedAt > deadAt && heardAt < startingAt);
  const changes = alone.filter(({ what }) => what === 'change');
  context.diagnostic(`${changes.length} changes refused; bought something ${backAt - startingAt} ms after the start`);
  assert.ok(changes.length > 0);
  assert.deepEqual(changes.filter(({ status }) => status !== 503).map(toSentence(deadAt)), []);
  // The cache may still have what a shopper reads.
  assert.deepEqual(alone.filter(({ status }) => status !== 503 && status !== 200).map(toSentence(deadAt)), []);
  const later = heard.filter(({ askedAt }) => askedAt > backAt);
  assert.ok(later.some(({ what, status }) => what === 'change' && status === 201));
  await assertNothingLost(book);
});

/** Shoppers at work until `end`, or until the test has ended. */
function goShopping(context: TestContext): { end(): Promise<{ heard: Heard[]; book: OrderBook }> } {
  const heard: Heard[] = [];
  const book = createOrderBook(running.journal);
  const ending = new AbortController();
  context.after(() => ending.abort());

  async function hear<Body>(what: Heard['what'], ask: () => Promise<Answer<Body> | undefined>) {
    const askedAt = Date.now();
    const answer = await ask().catch(() => undefined);
    heard.push({ what, askedAt, heardAt: Date.now(), status: answer?.status ?? 0, body: answer?.body });
    await sleep(GLANCE);
    return answer;
  }

  async function shop(): Promise<void> {
    while (!ending.signal.aborted) {
      const shopper = running.newShopper();
      const { id } = anyProduct();
      await hear('look', () => running.shop.listProducts({ limit: 20 }));
      await hear('look', () => running.shop.product(id));
      const added = await hear('change', () => shopper.addItem(id, 1));
      if (added?.status === 201) await hear('change', () => book.place(shopper));
    }
  }

  const shoppers = Array.from({ length: SHOPPERS }, shop);
  return {
    async end() {
      ending.abort();
      await Promise.all(shoppers);
      return { heard, book };
    },
  };
}

function anyProduct(): TestProduct {
  return products[Math.floor(Math.random() * products.length)] as TestProduct;
}

async function buysSomething(): Promise<boolean> {
  const shopper = running.newShopper();
  const added = await shopper.addItem(anyProduct().id, 1).catch(() => undefined);
  if (added?.status !== 201) return false;
  const placed = await shopper.placeOrder(randomUUID()).catch(() => undefined);
  return placed?.status === 201 || placed?.status === 202;
}

async function assertNothingLost(book: OrderBook): Promise<void> {
  const statuses = await book.settle(SETTLED_WITHIN);
  assert.ok(
    statuses.some((status) => status !== 'rejected'),
    'no order came through',
  );
  const audit = async () => violationsOf(await running.audit());
  assert.deepEqual(await eventually(audit, (violations) => violations.length === 0, SETTLED_WITHIN), []);
}

function lastAfter(answers: readonly Heard[], time: number): number {
  return Math.max(0, ...answers.map(({ heardAt }) => heardAt - time));
}

function toSentence(since: number) {
  return ({ what, status, askedAt, heardAt, body }: Heard) =>
    `${what} asked ${askedAt - since}, answered ${heardAt - since} ms after: ${status} ${JSON.stringify(body)?.slice(0, 200)}`;
}
