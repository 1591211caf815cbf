// What a saga decides where another replica works on the same order, or an answer was lost: races too narrow to be met through HTTP.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mock, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Conflict, databaseUnavailable, Unavailable } from '#platform/errors.ts';
import { silentLogger } from '#platform/logging.ts';
import { createSagaRunner } from '../src/checkout/saga-runner.ts';
import { ANSWER_WITHIN, createCheckoutService, RECOVER_AFTER } from '../src/checkout/service.ts';
import type { CartClient } from '../src/clients/cart.ts';
import type { ProductClient } from '../src/clients/product.ts';
import type { OrderRecord } from '../src/orders/order.ts';
import { createProgress } from '../src/orders/progress.ts';
import type { OrderRepository } from '../src/orders/repository.ts';
import { createOrderService, type OrderParts } from '../src/orders/service.ts';
import { createUndo } from '../src/orders/undo.ts';

const PRICE = 500;
const WHAT = { productId: randomUUID(), sku: 'S-1', name: 'Soap' };
const REQUEST = {
  shippingAddress: {
    name: 'Ada',
    line1: '1 Street',
    line2: undefined,
    city: 'London',
    postalCode: 'N1',
    country: 'GB',
  },
};

/** The one order of a test, changed as Cassandra changes it: only in the version that is named. */
function createOneOrder() {
  let order: OrderRecord | undefined;
  const change = (seen: OrderRecord, next: Partial<OrderRecord>) => {
    if (order?.version !== seen.version) return undefined;
    order = { ...order, ...next, version: seen.version + 1 };
    return order;
  };
  const orders: OrderRepository = {
    async insertOrder(begun) {
      const { userId, createdAt } = begun;
      const history = [{ status: 'pending' as const, at: createdAt, actor: userId, reason: undefined }];
      const rest = { lines: undefined, totalMinor: 0, updatedAt: createdAt, rejection: undefined, history };
      order ??= { ...begun, status: 'pending', version: 1, ...rest };
      return order;
    },
    findOrder: async () => order,
    setLines: async (seen, { lines, totalMinor }) => change(seen, { lines, totalMinor }),
    async changeStatus(seen, { to, actor, reason, rejection, at }) {
      const history = [...seen.history, { status: to, at, actor, reason }];
      return change(seen, { status: to, rejection, history });
    },
    project: async () => undefined,
    listByUser: async () => [],
    listByDay: async () => [],
  };
  return { orders, current: () => order as OrderRecord };
}

interface Others {
  readonly product?: Partial<ProductClient>;
  readonly cart?: Partial<CartClient>;
  readonly orders?: Partial<OrderRepository>;
  noteRecovery?(orderId: string): Promise<() => void>;
}

const nothing = async () => undefined;
const ignore = () => undefined;
const PROGRESS = {
  undo: nothing,
  delays: { processing: 0, shipped: 0, delivered: 0 },
  now: () => new Date(),
  noteStep: nothing,
  noteTooEarly: nothing,
  countChange: ignore,
};

function openCheckout(one: ReturnType<typeof createOneOrder>, others: Others = {}) {
  const product: ProductClient = {
    listOffers: async () => [{ ...WHAT, priceMinor: PRICE }],
    hold: mock.fn(nothing),
    commit: mock.fn(nothing),
    release: mock.fn(nothing),
    return: mock.fn(nothing),
    isAvailable: () => true,
    ...others.product,
  };
  const cart: CartClient = {
    take: async () => [{ productId: WHAT.productId, quantity: 1 }],
    restore: nothing,
    isAvailable: () => true,
    ...others.cart,
  };
  const orders = { ...one.orders, ...others.orders };
  const progress = createProgress({ ...PROGRESS, orders, undo: createUndo({ product, cart }) });
  const noteRecovery = mock.fn(others.noteRecovery ?? (async () => ignore));
  const checkout = createCheckoutService({
    orders,
    cart,
    product,
    progress,
    sagas: createSagaRunner(silentLogger),
    currency: 'USD',
    now: PROGRESS.now,
    toOrderId: () => 'order',
    noteRecovery,
    noteRecoveryAgain: nothing,
    countRejection: ignore,
    count: ignore,
  });
  return { checkout, product, noteRecovery };
}

/** Writes the order down `RECOVER_AFTER` later, by the mocked clock. */
function writtenLate(one: ReturnType<typeof createOneOrder>): OrderRepository['insertOrder'] {
  return async (order) => {
    mock.timers.enable({ apis: ['Date'], now: Date.now() + RECOVER_AFTER });
    return one.orders.insertOrder(order);
  };
}

const callsOf = (step: unknown) => (step as ReturnType<typeof mock.fn>).mock.callCount();

test('what another replica has begun to sell is sold, not refused: its units would never come back', async () => {
  const one = createOneOrder();
  const hold = async () => {
    throw new Conflict('reservation_committed', 'It is sold.');
  };
  const { checkout, product } = openCheckout(one, { product: { hold } });
  const { order } = await checkout.place('user', 'key', REQUEST);
  assert.equal(order.status, 'confirmed');
  assert.equal(callsOf(product.commit), 1);
});

test('a refusal of other prices does not hold for an order whose lines another replica has fixed meanwhile', async () => {
  const one = createOneOrder();
  const listOffers = async () => {
    const lines = [{ ...WHAT, quantity: 1, unitPriceMinor: PRICE }];
    await one.orders.setLines(one.current(), { lines, totalMinor: PRICE }, new Date());
    return [{ ...WHAT, priceMinor: PRICE + 200 }];
  };
  const { checkout } = openCheckout(one, { product: { listOffers } });
  const { order } = await checkout.place('user', 'key', {
    ...REQUEST,
    expectedTotal: { amount: PRICE, currency: 'USD' },
  });
  assert.deepEqual([order.status, order.totalMinor], ['confirmed', PRICE]);
});

test('a decision that was not written, as nobody knew at first, is made again', async () => {
  const one = createOneOrder();
  let tries = 0;
  const changeStatus: OrderRepository['changeStatus'] = async (order, change) => {
    tries += 1;
    return tries === 1 ? undefined : one.orders.changeStatus(order, change);
  };
  const { checkout } = openCheckout(one, { orders: { changeStatus } });
  const { order } = await checkout.place('user', 'key', REQUEST);
  assert.deepEqual([order.status, tries], ['confirmed', 2]);
});

test('an order that took long to write down is noted for recovery once more: nobody may have found it the first time', async () => {
  const one = createOneOrder();
  const { checkout, noteRecovery } = openCheckout(one, { orders: { insertOrder: writtenLate(one) } });
  await checkout.place('user', 'key', REQUEST).finally(() => mock.timers.reset());
  assert.equal(callsOf(noteRecovery), 2);
});

test('an order that took long to write down is placed though it can not be noted once more', async () => {
  const one = createOneOrder();
  let noted = 0;
  const noteRecovery = async () => {
    noted += 1;
    if (noted === 2) throw databaseUnavailable();
    return () => undefined;
  };
  const { checkout } = openCheckout(one, { orders: { insertOrder: writtenLate(one) }, noteRecovery });
  const { order } = await checkout.place('user', 'key', REQUEST).finally(() => mock.timers.reset());
  assert.deepEqual([noted, order.status], [2, 'confirmed']);
});

test('an order that was written down late, though nobody knew, is noted for recovery once more', async () => {
  const one = createOneOrder();
  const insertOrder: OrderRepository['insertOrder'] = async (order) => {
    await writtenLate(one)(order);
    throw databaseUnavailable();
  };
  const { checkout, noteRecovery } = openCheckout(one, { orders: { insertOrder } });
  const placed = checkout.place('user', 'key', REQUEST).finally(() => mock.timers.reset());
  await assert.rejects(placed, { code: 'database_unavailable' });
  assert.equal(callsOf(noteRecovery), 2);
});

test('a decision that began in time is the answer though its writing ends late: its key gives the same from then on', async () => {
  const one = createOneOrder();
  const commit = () => sleep(ANSWER_WITHIN - 100);
  const changeStatus: OrderRepository['changeStatus'] = async (order, change) => {
    await sleep(300);
    return one.orders.changeStatus(order, change);
  };
  const { checkout } = openCheckout(one, { product: { commit }, orders: { changeStatus } });
  const answers = [await checkout.place('user', 'key', REQUEST), await checkout.place('user', 'key', REQUEST)];
  assert.deepEqual(
    answers.map(({ order, late }) => [order.status, late]),
    [
      ['confirmed', false],
      ['confirmed', false],
    ],
  );
});

test('a cancellation whose stock can not be given back now is noted once more: its first note may be used up', async () => {
  const one = createOneOrder();
  await openCheckout(one).checkout.place('user', 'key', REQUEST);
  const { orders } = one;
  const notes: string[] = [];
  const undo = () => Promise.reject(new Unavailable('upstream_unavailable', 'No time is left.'));
  const { cancel } = createOrderService({
    orders,
    progress: createProgress({ ...PROGRESS, orders, undo }),
    audit: { record: () => assert.fail() },
    noteRecovery: async (orderId: string) => void notes.push(orderId),
  } as unknown as OrderParts);
  const { status } = await cancel('order', { userId: 'user', role: 'user' });
  assert.equal(status, 'cancelled');
  assert.deepEqual(notes, ['order', 'order']);
});

test('each attempt at a cancellation is noted anew: recovery may have come between', async () => {
  const one = createOneOrder();
  await openCheckout(one).checkout.place('user', 'key', REQUEST);
  let attempts = 0;
  const changeStatus: OrderRepository['changeStatus'] = async (order, change) => {
    attempts += 1;
    return attempts === 1 ? undefined : one.orders.changeStatus(order, change);
  };
  const orders = { ...one.orders, changeStatus };
  const noteRecovery = mock.fn(async () => undefined);
  const { cancel } = createOrderService({
    orders,
    progress: createProgress({ ...PROGRESS, orders }),
    noteRecovery,
  } as unknown as OrderParts);
  await cancel('order', { userId: 'user', role: 'user' });
  assert.equal(callsOf(noteRecovery), 2);
});

test('recovery returns what was sold to an order of which only the very latest read shows that it is cancelled', async () => {
  const one = createOneOrder();
  const { checkout } = openCheckout(one);
  const { order: confirmed } = await checkout.place('user', 'key', REQUEST);
  await one.orders.changeStatus(confirmed, { to: 'cancelled', actor: 'user', at: new Date() });
  const findOrder: OrderRepository['findOrder'] = async (_, { latest = false } = {}) =>
    latest ? one.current() : confirmed;
  const { checkout: recovering, product } = openCheckout(one, { orders: { findOrder } });
  await recovering.recover('order');
  assert.equal(callsOf(product.return), 1);
});

test('the answer is that of the decision, however long it takes to give back what was taken', async () => {
  const one = createOneOrder();
  const hold = async () => {
    throw new Conflict('insufficient_stock', 'Too few are left.');
  };
  let giveBack: () => void = () => undefined;
  const restore = () =>
    new Promise<void>((resolve) => {
      giveBack = resolve;
    });
  const { checkout } = openCheckout(one, { product: { hold }, cart: { restore } });
  const startedAt = Date.now();
  const refusal = { code: 'insufficient_stock' };
  await assert.rejects(checkout.place('user', 'key', REQUEST), refusal);
  assert.ok(Date.now() - startedAt >= ANSWER_WITHIN - 50, 'what is given back in time is there with the answer');
  await assert.rejects(checkout.place('user', 'key', REQUEST), refusal);
  giveBack();
});
