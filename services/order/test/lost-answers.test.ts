// Integration: a conditional write whose answer is lost is sent again and refused; the repository finds out whether the first one applied.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { Database } from '#platform/cassandra/database.ts';
import { openDatabase, type TestKeyspaces, useKeyspaces } from '../../local/test-support/cassandra.ts';
import type { OrderRecord, Status } from '../src/orders/order.ts';
import { createOrderRepository, type NewOrder, type OrderRepository } from '../src/orders/repository.ts';
import { ADDRESS } from './support/shopper.ts';

let keyspaces: TestKeyspaces;
let database: Database;
let orders: OrderRepository;

before(async () => {
  keyspaces = await useKeyspaces();
  database = await openDatabase(keyspaces, 'orders');
  orders = createOrderRepository(database);
});
after(async () => {
  await database.close();
  await keyspaces.stop();
});

/** Writes, loses the answer, lets `meanwhile` happen, and writes again, as `conditional` does. */
function losesAnswers(meanwhile: () => Promise<unknown> = async () => undefined): OrderRepository {
  return createOrderRepository({
    ...database,
    async conditional(name, statements) {
      await database.conditional(name, statements);
      await meanwhile();
      return { ...(await database.conditional(name, statements)), uncertain: true };
    },
  });
}

const newOrder = (): NewOrder => ({
  id: randomUUID(),
  userId: randomUUID(),
  requestHash: 'of this body',
  address: { ...ADDRESS, line2: undefined },
  currency: 'USD',
  expectedTotalMinor: undefined,
  createdAt: new Date(),
});

async function confirmedOrder(): Promise<OrderRecord> {
  const pending = (await orders.insertOrder(newOrder())) as OrderRecord;
  return (await orders.changeStatus(pending, { to: 'confirmed', actor: 'system', at: new Date() })) as OrderRecord;
}

const statusesOf = (order: OrderRecord | undefined): Status[] | undefined => order?.history.map(({ status }) => status);

test('an insert recognises its own order, but not that of another body which came in the same millisecond', async () => {
  const order = newOrder();
  assert.equal((await losesAnswers().insertOrder(order))?.requestHash, order.requestHash);
  assert.equal(await losesAnswers().insertOrder({ ...order, requestHash: 'of another body' }), undefined);
});

test('a change of status recognises its own entry, also after another has moved the order on', async () => {
  const change = { to: 'processing', actor: randomUUID(), at: new Date() } as const;
  assert.deepEqual(statusesOf(await losesAnswers().changeStatus(await confirmedOrder(), change)), [
    'pending',
    'confirmed',
    'processing',
  ]);
  const order = await confirmedOrder();
  const movesOn = async () => {
    const processing = (await orders.findOrder(order.id)) as OrderRecord;
    await orders.changeStatus(processing, { to: 'shipped', actor: 'system', at: new Date() });
  };
  assert.deepEqual(statusesOf(await losesAnswers(movesOn).changeStatus(order, change)), [
    'pending',
    'confirmed',
    'processing',
    'shipped',
  ]);
});

test('a change of status does not take another’s for its own', async () => {
  const order = await confirmedOrder();
  const change = { to: 'processing', at: new Date() } as const;
  await orders.changeStatus(order, { ...change, actor: randomUUID() });
  assert.equal(await losesAnswers().changeStatus(order, { ...change, actor: randomUUID() }), undefined);
});
