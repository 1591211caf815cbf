// What a saga decides when another replica works on the same order, or an answer is lost: races too narrow to provoke over HTTP.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mock, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Conflict, databaseUnavailable, Unavailable } from '#platform/errors.ts';
import { silentLogger } from '#platform/logging.ts';
import { createSagaRunner } from '../src/checkout/saga-runner.ts';
import { ANSWER_WITHIN_MS, createCheckoutService } from '../src/checkout/service.ts';
import type { CartClient } from '../src/clients/cart.ts';
import type { ProductClient } from '../src/clients/product.ts';
import type { OrderRecord } from '../src/orders/order.ts';
import { createProgress } from '../src/orders/progress.ts';
import { createRecoveryNotes, RECOVER_AFTER_MS } from '../src/orders/recovery-notes.ts';
import type { NewOrder, OrderRepository } from '../src/orders/repository.ts';
import { createOrderService, type OrderParts } from '../src/orders/service.ts';
import { createUndo } from '../src/orders/undo.ts';

const A_MINUTE = 60_000;
const PRICE = 500;
const WHAT = { productId: randomUUID(), sku: 'S-1', name: 'Soap' };
const OWNER = { userId: 'user', role: 'user' } as const;
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

/** The one order of a test. As in Cassandra, a change applies only to the version it names. */
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
  /** Puts a note for recovery, the `index`th (from 1). */
  putNote?(index: number): Promise<void>;
  retryLater?(): Promise<void>;
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
  const notes: number[] = [];
  const retryLater = mock.fn(others.retryLater ?? nothing);
  const recovery = createRecoveryNotes({
    now: PROGRESS.now,
    async put(delayMs) {
      notes.push(delayMs);
      await others.putNote?.(notes.length);
      return ignore;
    },
    retryLater,
  });
  const checkout = createCheckoutService({
    orders,
    cart,
    product,
    progress,
    recovery,
    sagas: createSagaRunner<OrderRecord>(silentLogger),
    currency: 'USD',
    now: PROGRESS.now,
    toOrderId: () => 'order',
    countRejection: ignore,
    countKey: ignore,
  });
  const orderService = createOrderService({ orders, progress, recovery } as unknown as OrderParts);
  return { checkout, orderService, progress, product, notes, retryLater };
}

/** Inserts the order `RECOVER_AFTER_MS` later, by the mocked clock. */
function writtenLate(one: ReturnType<typeof createOneOrder>): OrderRepository['insertOrder'] {
  return async (order) => {
    mock.timers.enable({ apis: ['Date'], now: Date.now() + RECOVER_AFTER_MS });
    return one.orders.insertOrder(order);
  };
}

/** Fails the second note for recovery. */
const failsSecond = async (index: number) => {
  if (index === 2) throw databaseUnavailable();
};

const callsOf = (step: unknown) => (step as ReturnType<typeof mock.fn>).mock.callCount();

test('an order that another replica has started to sell is confirmed, not refused: its units would never come back', async () => {
  const one = createOneOrder();
  const hold = async () => {
    throw new Conflict('reservation_committed', 'It is sold.');
  };
  const { checkout, product } = openCheckout(one, { product: { hold } });
  const { order } = await checkout.place('user', 'key', REQUEST);
  assert.equal(order.status, 'confirmed');
  assert.equal(callsOf(product.commit), 1);
});

test('a refusal for changed prices doesn’t apply to an order whose lines another replica has fixed meanwhile', async () => {
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

test('a decision that turns out not to have been written is made again', async () => {
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

test('an order that took long to insert is noted for recovery again: the first note may have come up before it', async () => {
  const one = createOneOrder();
  const { checkout, notes } = openCheckout(one, { orders: { insertOrder: writtenLate(one) } });
  await checkout.place('user', 'key', REQUEST).finally(() => mock.timers.reset());
  assert.deepEqual(notes, [RECOVER_AFTER_MS, RECOVER_AFTER_MS]);
});

test('an order that took long to insert is placed even if the second note can’t be put', async () => {
  const one = createOneOrder();
  const { checkout, notes } = openCheckout(one, { orders: { insertOrder: writtenLate(one) }, putNote: failsSecond });
  const { order } = await checkout.place('user', 'key', REQUEST).finally(() => mock.timers.reset());
  assert.deepEqual([notes.length, order.status], [2, 'confirmed']);
});

test('an order that took long to insert, whose second note failed, is noted again when its checkout is interrupted', async () => {
  const one = createOneOrder();
  const hold = () => Promise.reject(new Unavailable('upstream_unavailable', 'Product is away.'));
  const { checkout, notes } = openCheckout(one, {
    orders: { insertOrder: writtenLate(one) },
    putNote: failsSecond,
    product: { hold },
  });
  const { late } = await checkout.place('user', 'key', REQUEST).finally(() => mock.timers.reset());
  assert.deepEqual([notes.length, late], [3, true]);
});

test('an order that was inserted late, with the outcome unknown, is noted for recovery again', async () => {
  const one = createOneOrder();
  const insertOrder: OrderRepository['insertOrder'] = async (order) => {
    await writtenLate(one)(order);
    throw databaseUnavailable();
  };
  const { checkout, notes } = openCheckout(one, { orders: { insertOrder } });
  const placed = checkout.place('user', 'key', REQUEST).finally(() => mock.timers.reset());
  await assert.rejects(placed, { code: 'database_unavailable' });
  assert.deepEqual(notes, [RECOVER_AFTER_MS, A_MINUTE, RECOVER_AFTER_MS]);
});

test('an order that is inserted after its notes came up is carried out when its key is sent again', async () => {
  const one = createOneOrder();
  let unsent: NewOrder | undefined;
  const insertOrder: OrderRepository['insertOrder'] = async (order) => {
    unsent = order;
    throw databaseUnavailable();
  };
  const { checkout, notes, retryLater } = openCheckout(one, { orders: { insertOrder } });
  await assert.rejects(checkout.place('user', 'key', REQUEST), { code: 'database_unavailable' });
  assert.deepEqual(notes, [RECOVER_AFTER_MS, A_MINUTE]);
  for (const _ of notes) await checkout.recover('order');
  assert.ok(unsent);
  await one.orders.insertOrder({ ...unsent, createdAt: new Date(Date.now() - 20_000) });
  const { order, late } = await checkout.place('user', 'key', REQUEST);
  assert.deepEqual([order.status, late, callsOf(retryLater)], ['pending', true, 1]);
  await checkout.recover('order');
  assert.equal(one.current().status, 'confirmed');
});

test('an order still pending after 10 minutes is rejected and gives back what it took, unless its first line is sold', async () => {
  const release = mock.fn(() => Promise.reject(new Conflict('reservation_committed', 'It is sold.')));
  for (const [product, status] of [
    [{}, 'rejected'],
    [{ release }, 'confirmed'],
  ] as const) {
    const one = createOneOrder();
    const insertOrder: OrderRepository['insertOrder'] = async (order) => {
      const createdAt = new Date(Date.now() - 10 * A_MINUTE - 1000);
      const pending = (await one.orders.insertOrder({ ...order, createdAt })) as OrderRecord;
      const lines = [{ ...WHAT, quantity: 1, unitPriceMinor: PRICE }];
      await one.orders.setLines(pending, { lines, totalMinor: PRICE }, createdAt);
      throw databaseUnavailable();
    };
    const restore = mock.fn(nothing);
    const { checkout, product: products } = openCheckout(one, { product, cart: { restore }, orders: { insertOrder } });
    await assert.rejects(checkout.place('user', 'key', REQUEST), { code: 'database_unavailable' });
    await checkout.recover('order');
    const isRejected = status === 'rejected';
    assert.equal(one.current().status, status);
    assert.equal(one.current().rejection?.code, isRejected ? 'checkout_expired' : undefined);
    assert.ok(callsOf(products.release) >= 1);
    assert.equal(callsOf(restore), isRejected ? 1 : 0);
  }
});

test('a replay notes no order whose note is still to come; it is 202 even if the note can’t be put', async () => {
  for (const [ageMs, noted] of [
    [RECOVER_AFTER_MS - 1000, 0],
    [RECOVER_AFTER_MS + 1000, 1],
  ] as const) {
    const one = createOneOrder();
    const insertOrder: OrderRepository['insertOrder'] = async (order) => {
      await one.orders.insertOrder({ ...order, createdAt: new Date(Date.now() - ageMs) });
      throw databaseUnavailable();
    };
    const { checkout, retryLater } = openCheckout(one, {
      orders: { insertOrder },
      retryLater: () => Promise.reject(databaseUnavailable()),
    });
    await assert.rejects(checkout.place('user', 'key', REQUEST), { code: 'database_unavailable' });
    const { order, late } = await checkout.place('user', 'key', REQUEST);
    assert.deepEqual([order.status, late, callsOf(retryLater)], ['pending', true, noted]);
    const otherBody = { ...REQUEST, expectedTotal: { amount: PRICE, currency: 'USD' } };
    await assert.rejects(checkout.place('user', 'key', otherBody), { code: 'idempotency_key_reused' });
    assert.equal(callsOf(retryLater), noted);
  }
});

test('recovery that finds an order just before its checkout continues waits for that checkout', async () => {
  const one = createOneOrder();
  let recovered: Promise<void> | undefined;
  const insertOrder: OrderRepository['insertOrder'] = async (order) => {
    const inserted = await one.orders.insertOrder(order);
    recovered = checkout.recover('order');
    return inserted;
  };
  const findOrder: OrderRepository['findOrder'] = () => sleep(20).then(() => one.orders.findOrder('order'));
  const commit = mock.fn(() => sleep(100));
  const { checkout } = openCheckout(one, { product: { commit }, orders: { insertOrder, findOrder } });
  const { order } = await checkout.place('user', 'key', REQUEST);
  await recovered;
  assert.deepEqual([order.status, callsOf(commit)], ['confirmed', 1]);
});

test('a decision whose write starts in time is the answer even if the write ends late: its key repeats it from then on', async () => {
  const one = createOneOrder();
  const commit = () => sleep(ANSWER_WITHIN_MS - 100);
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

test('a cancellation whose stock can’t be returned now is noted again: its first note may have come up already', async () => {
  const one = createOneOrder();
  await openCheckout(one).checkout.place('user', 'key', REQUEST);
  const { orderService, notes } = openCheckout(one, {
    product: { return: () => Promise.reject(new Unavailable('upstream_unavailable', 'No time is left.')) },
  });
  const { status } = await orderService.cancel('order', OWNER);
  assert.equal(status, 'cancelled');
  assert.deepEqual(notes, [RECOVER_AFTER_MS, RECOVER_AFTER_MS]);
});

test('each attempt at a cancellation is noted: recovery may have run between two', async () => {
  const one = createOneOrder();
  await openCheckout(one).checkout.place('user', 'key', REQUEST);
  let attempts = 0;
  const changeStatus: OrderRepository['changeStatus'] = async (order, change) => {
    attempts += 1;
    return attempts === 1 ? undefined : one.orders.changeStatus(order, change);
  };
  const { orderService, notes } = openCheckout(one, { orders: { changeStatus } });
  await orderService.cancel('order', OWNER);
  assert.deepEqual(notes, [RECOVER_AFTER_MS, RECOVER_AFTER_MS]);
});

test('a cancellation that applies after recovery looked for it returns the stock when the order’s next step is due', async () => {
  const one = createOneOrder();
  await openCheckout(one).checkout.place('user', 'key', REQUEST);
  let apply: () => Promise<unknown> = nothing;
  const changeStatus: OrderRepository['changeStatus'] = async (...change) => {
    apply = () => one.orders.changeStatus(...change);
    throw databaseUnavailable();
  };
  const project = mock.fn(nothing);
  const { checkout, orderService, progress, product, notes } = openCheckout(one, { orders: { changeStatus, project } });
  await assert.rejects(orderService.cancel('order', OWNER), { code: 'database_unavailable' });
  assert.deepEqual(notes, [RECOVER_AFTER_MS, A_MINUTE]);
  await checkout.recover('order');
  assert.equal(callsOf(product.return), 0);
  project.mock.resetCalls();
  await apply();
  await progress.advance('order', 'processing');
  assert.deepEqual([callsOf(product.return), callsOf(project)], [1, 1]);
});

test('a cancellation that took long to write is noted again: recovery may have looked for it before', async () => {
  const one = createOneOrder();
  await openCheckout(one).checkout.place('user', 'key', REQUEST);
  const changeStatus: OrderRepository['changeStatus'] = async (...change) => {
    mock.timers.enable({ apis: ['Date'], now: Date.now() + RECOVER_AFTER_MS });
    return one.orders.changeStatus(...change);
  };
  const { orderService, notes } = openCheckout(one, { orders: { changeStatus } });
  await orderService.cancel('order', OWNER).finally(() => mock.timers.reset());
  assert.deepEqual(notes, [RECOVER_AFTER_MS, RECOVER_AFTER_MS]);
});

test('recovery returns the stock of an order that only the latest read shows as cancelled', async () => {
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

test('the answer is the decision’s, however long it takes to give back what was taken', async () => {
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
  assert.ok(Date.now() - startedAt >= ANSWER_WITHIN_MS - 50, 'whatever is given back in time is there with the answer');
  await assert.rejects(checkout.place('user', 'key', REQUEST), refusal);
  giveBack();
});
