import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningStore, startRunningStore, violationsOf } from './running-store.ts';

const REQUESTS = 20_000;
const READERS = 6;
const BUYERS = 4;
/** ms for which a reader pauses between two products. */
const GLANCE = 5;

let running: RunningStore;

before(async () => {
  running = await startRunningStore({ replicas: 2, seedProducts: 500 });
});
after(() => running?.stop());

test(`every service is restarted, one process at a time though two restarts are requested at once, and none of ${REQUESTS} requests fails`, async (context) => {
  const { store, shop, catalogue, newShopper, audit } = running;
  const products = await catalogue.addProducts(Array.from({ length: 20 }, () => ({ stock: 100_000 })));
  const before = pidsOf(store);
  const failures: string[] = [];
  let [requests, orders] = [0, 0];
  const stopping = new AbortController();
  const startedAt = Date.now();
  const people = [
    ...Array.from({ length: READERS }, (_, index) => read(index)),
    ...Array.from({ length: BUYERS }, (_, index) => buy(index)),
  ];
  let rounds = 0;
  while (rounds === 0 || requests < REQUESTS) {
    await Promise.all([store.restartServices(), store.restartServices()]);
    rounds += 2;
  }
  stopping.abort();
  await Promise.all(people);

  const seconds = (Date.now() - startedAt) / 1000;
  context.diagnostic(
    `${requests} requests, ${orders} of them orders, ${Math.round(requests / seconds)} a second; ${rounds} rounds`,
  );
  assert.deepEqual(failures.slice(0, 10), [], `${failures.length} failed`);
  assert.ok(requests / seconds >= 100, `${requests / seconds} requests a second`);
  assert.ok(pidsOf(store).every((pid, index) => pid !== 0 && pid !== before[index]));
  assert.deepEqual(violationsOf(await audit()), []);

  async function read(offset: number): Promise<void> {
    for (let turn = offset; !stopping.signal.aborted; turn += 1) {
      const { id } = products[turn % products.length] as { id: string };
      await expecting([200], () => shop.product(id));
      await sleep(GLANCE);
    }
  }

  async function buy(offset: number): Promise<void> {
    for (let turn = offset; !stopping.signal.aborted; turn += 1) {
      const shopper = newShopper();
      const { id } = products[turn % products.length] as { id: string };
      await expecting([201], () => shopper.addItem(id, 1));
      await expecting([201, 202], () => shopper.placeOrder(randomUUID()));
      orders += 1;
    }
  }

  async function expecting(statuses: number[], ask: () => Promise<{ status: number; body: unknown }>): Promise<void> {
    requests += 1;
    const answer = await ask().catch((error: Error) => ({ status: 0, body: String(error) }));
    if (!statuses.includes(answer.status)) failures.push(`${answer.status} ${JSON.stringify(answer.body)}`);
  }
});

function pidsOf(store: RunningStore['store']): number[] {
  return Object.values(store.services)
    .flat()
    .map(({ pid }) => pid);
}
