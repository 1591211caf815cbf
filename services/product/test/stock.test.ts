import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Service } from '#platform/service.ts';
import { createStockRepository } from '../src/stock/repository.ts';
import { newOrderId, openShop, type Shop, type Step } from './support/shop.ts';

type State = 'none' | 'held' | 'committed' | 'released' | 'returned';

let shop: Shop;
let replica: Service;

before(async () => {
  shop = await openShop();
  replica = await shop.openReplica();
});

after(() => shop.close());

/** available + reserved + sold is what was ever put in, no number is negative, and each is the sum of its operations. */
async function assertBalanced(productId: string): Promise<void> {
  const { available, reserved, sold } = await shop.readHead(productId);
  const operations = await shop.readOperations(productId);
  const sum = (kind: string, ...states: string[]) =>
    operations.reduce((total, row) => total + (row.kind === kind && states.includes(row.state) ? row.quantity : 0), 0);
  assert.ok(available >= 0 && reserved >= 0 && sold >= 0, JSON.stringify({ available, reserved, sold }));
  assert.equal(reserved, sum('hold', 'held'), 'reserved is what is held');
  assert.equal(sold, sum('hold', 'committed'), 'sold is what is committed');
  assert.equal(available + reserved + sold, sum('adjust', 'applied'), 'nothing was lost or made');
}

async function stateOf(productId: string, orderId: string): Promise<State> {
  const row = (await shop.readOperations(productId)).find(({ id }) => id === orderId);
  return (row?.state ?? 'none') as State;
}

describe('a reservation', () => {
  const STEPS: Step[] = ['hold', 'commit', 'release', 'return'];
  /** Which state a step leads to; a step that isn't here is refused with 409 and changes nothing. */
  const TABLE: Record<State, Partial<Record<Step, State>>> = {
    none: { hold: 'held', release: 'released', return: 'released' },
    held: { hold: 'held', commit: 'committed', release: 'released', return: 'released' },
    committed: { hold: 'committed', commit: 'committed', return: 'returned' },
    released: { release: 'released', return: 'released' },
    returned: { release: 'returned', return: 'returned' },
  };
  const sequences = STEPS.flatMap((a) => STEPS.flatMap((b) => STEPS.flatMap((c) => STEPS.map((d) => [a, b, c, d]))));

  test('follows its table of states in every sequence of four steps, including repeated ones', {
    timeout: 120_000,
  }, async () => {
    const products = await shop.catalogue.addProducts(Array.from({ length: 8 }, () => ({ stock: 200 })));
    await Promise.all(
      products.map(async ({ id: productId }, share) => {
        for (const sequence of sequences.filter((_, index) => index % products.length === share)) {
          const orderId = newOrderId();
          let state: State = 'none';
          for (const step of sequence) {
            const lines = [{ productId, quantity: 2 }];
            const { status, body } = await shop.step(step, orderId, lines, step === 'commit' ? replica : shop.service);
            const next: State | undefined = TABLE[state][step];
            const where: string = `${sequence.join(', ')}: ${step} when ${state}`;
            assert.equal(status, next === undefined ? 409 : 200, `${where}: ${JSON.stringify(body)}`);
            const code = {
              hold: 'insufficient_stock',
              commit: 'reservation_released',
              release: 'reservation_committed',
            };
            if (next === undefined) assert.equal(body.code, code[step as keyof typeof code], where);
            else state = next;
            // A hold that comes after all is over leaves the mark of a release, where there was nothing.
            assert.equal(await stateOf(productId, orderId), state, where);
          }
        }
        await assertBalanced(productId);
      }),
    );
  });

  test('a step requested ten times concurrently happens once', { timeout: 60_000 }, async () => {
    const { id: productId } = await shop.catalogue.addProduct({ stock: 20 });
    const [orderId, lines] = [newOrderId(), [{ productId, quantity: 3 }]];
    const levels = { hold: [17, 3, 0], commit: [17, 0, 3], return: [20, 0, 0] } as const;
    for (const [step, [available, reserved, sold]] of Object.entries(levels)) {
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          shop.step(step as Step, orderId, lines, index % 2 ? replica : shop.service),
        ),
      );
      assert.deepEqual(
        answers.map(({ status }) => status),
        Array(10).fill(200),
      );
      const head = await shop.readHead(productId);
      assert.deepEqual([head.available, head.reserved, head.sold], [available, reserved, sold], step);
    }
    await assertBalanced(productId);
  });
});

describe('a hold', () => {
  test('takes all lines or none, and names every line that is short', async () => {
    const [plenty, few, none] = (await shop.catalogue.addProducts([{ stock: 10 }, { stock: 2 }, { stock: 0 }])).map(
      ({ id }) => id,
    ) as [string, string, string];
    const orderId = newOrderId();
    const lines = [plenty, few, none].map((productId) => ({ productId, quantity: 3 }));
    const { status, body } = await shop.step('hold', orderId, lines);
    assert.equal(status, 409);
    assert.equal(body.code, 'insufficient_stock');
    const byId = (left: { productId: string }, right: { productId: string }) =>
      left.productId < right.productId ? -1 : 1;
    assert.deepEqual(
      (body.lines as { productId: string }[]).toSorted(byId),
      [
        { productId: few, requested: 3, available: 2 },
        { productId: none, requested: 3, available: 0 },
      ].toSorted(byId),
    );
    for (const [productId, available] of [
      [plenty, 10],
      [few, 2],
      [none, 0],
    ] as const) {
      const head = await shop.readHead(productId);
      assert.deepEqual([head.available, head.reserved], [available, 0]);
      await assertBalanced(productId);
    }
    const again = await shop.step('hold', orderId, lines);
    assert.equal(again.status, 409, 'the same again gives the same answer');
    assert.equal(again.body.code, 'insufficient_stock');
  });

  test('that was refused stays refused, even when there is enough later', async () => {
    const { id: productId } = await shop.catalogue.addProduct({ stock: 1 });
    const [first, second, line] = [newOrderId(), newOrderId(), [{ productId, quantity: 1 }]];
    assert.equal((await shop.step('hold', first, line)).status, 200);
    assert.equal((await shop.step('hold', second, line)).status, 409);
    assert.equal((await shop.step('release', first, line)).status, 200);
    assert.equal((await shop.step('hold', second, line)).status, 409);
    assert.deepEqual(
      { ...(await shop.readHead(productId)), inStock: true },
      { available: 1, reserved: 0, sold: 0, inStock: true },
    );
    await assertBalanced(productId);
  });

  test('of a product that is deleted, or never existed, is refused as short', async () => {
    const { id: productId } = await shop.catalogue.addProduct({ stock: 5 });
    await shop.change(productId, { deleted: true });
    for (const gone of [productId, newOrderId()]) {
      const orderId = newOrderId();
      const { status, body } = await shop.step('hold', orderId, [{ productId: gone, quantity: 1 }]);
      assert.equal(status, 409);
      assert.deepEqual(body.lines, [{ productId: gone, requested: 1, available: 0 }]);
    }
    const head = await shop.readHead(productId);
    assert.deepEqual([head.available, head.reserved], [5, 0]);
  });

  test('of a product that is deleted afterwards can still be sold, released and returned', async () => {
    const { id: productId } = await shop.catalogue.addProduct({ stock: 5 });
    const [sold, released, line] = [newOrderId(), newOrderId(), [{ productId, quantity: 1 }]];
    for (const orderId of [sold, released]) assert.equal((await shop.step('hold', orderId, line)).status, 200);
    await shop.change(productId, { deleted: true });
    for (const [step, orderId] of [
      ['commit', sold],
      ['release', released],
      ['return', sold],
    ] as const) {
      assert.equal((await shop.step(step, orderId, line)).status, 200, step);
    }
    await assertBalanced(productId);
  });
});

test('a step with other quantities than the hold is refused with 409 and changes nothing', async () => {
  const { id: productId } = await shop.catalogue.addProduct({ stock: 30 });
  const orderId = newOrderId();
  const right = [{ productId, quantity: 2 }];
  // Others have reserved and bought enough, so that only the order's own row can tell.
  const [otherHold, otherSale, many] = [newOrderId(), newOrderId(), [{ productId, quantity: 8 }]];
  for (const other of [otherHold, otherSale]) await shop.step('hold', other, many);
  await shop.step('commit', otherSale, many);
  const expectRefusals = async (...steps: Step[]) => {
    const before = [await shop.readHead(productId), await shop.readOperations(productId)];
    for (const step of steps) {
      for (const quantity of [1, 3]) {
        const { status, body } = await shop.step(step, orderId, [{ productId, quantity }]);
        assert.equal(`${step} ${status} ${body.code}`, `${step} 409 reservation_mismatch`);
      }
    }
    assert.deepEqual([await shop.readHead(productId), await shop.readOperations(productId)], before);
  };
  await shop.step('hold', orderId, right);
  await expectRefusals('hold', 'commit', 'release', 'return');
  await shop.step('commit', orderId, right);
  await expectRefusals('hold', 'commit', 'release', 'return');
  await assertBalanced(productId);
});

describe('a release that the hold overtakes', () => {
  /** A repository in whose database something else happens just before or after one of its statements. */
  const interrupted = (statement: string, when: 'before' | 'after', meanwhile: () => Promise<unknown>) => {
    let isDone = false;
    return createStockRepository({
      ...shop.database,
      async conditional(name, statements) {
        const interrupt = name === statement && !isDone;
        if (interrupt) isDone = true;
        if (interrupt && when === 'before') await meanwhile();
        const outcome = await shop.database.conditional(name, statements);
        if (interrupt && when === 'after') await meanwhile();
        return outcome;
      },
    });
  };

  for (const [statement, when] of [
    ['stock.release', 'after'],
    ['stock.mark_released', 'before'],
  ] as const) {
    test(`${when} its statement ${statement} gives the hold back all the same`, async () => {
      const { id: productId } = await shop.catalogue.addProduct({ stock: 5 });
      const [orderId, line] = [newOrderId(), { productId, quantity: 2 }];
      const stock = interrupted(statement, when, () => createStockRepository(shop.database).hold(orderId, line));
      assert.equal(await stock.release(orderId, line), 'released');
      assert.equal(await stateOf(productId, orderId), 'released');
      assert.deepEqual(
        { ...(await shop.readHead(productId)), inStock: true },
        { available: 5, reserved: 0, sold: 0, inStock: true },
      );
    });
  }
});

describe('under load', () => {
  test('300 concurrent holds of 100 units: exactly 100 are held, and stock never goes below zero', {
    timeout: 120_000,
  }, async () => {
    const { id: productId } = await shop.catalogue.addProduct({ stock: 100 });
    const orders = Array.from({ length: 300 }, newOrderId);
    const lines = [{ productId, quantity: 1 }];
    let isOver = false;
    const watch = async () => {
      while (!isOver) {
        const { available, reserved } = await shop.readHead(productId);
        assert.ok(available >= 0 && reserved <= 100, `${available} available, ${reserved} reserved`);
        await sleep(20);
      }
    };
    const watching = watch();
    const answers = await Promise.all(
      orders.map((orderId, index) => shop.step('hold', orderId, lines, index % 2 ? replica : shop.service)),
    );
    isOver = true;
    await watching;
    const held = orders.filter((_, index) => answers[index]?.status === 200);
    assert.equal(held.length, 100);
    assert.equal(answers.filter(({ status }) => status === 409).length, 200);
    assert.deepEqual(
      { ...(await shop.readHead(productId)), inStock: true },
      { available: 0, reserved: 100, sold: 0, inStock: true },
    );

    const steps = await Promise.all(
      held.map((orderId, index) => shop.step(index < 60 ? 'commit' : 'release', orderId, lines)),
    );
    assert.ok(steps.every(({ status }) => status === 200));
    const head = await shop.readHead(productId);
    assert.deepEqual([head.available, head.reserved, head.sold], [40, 0, 60]);
    await assertBalanced(productId);
  });

  test('concurrent orders of the same five products never hold a part, and every unit is accounted for', {
    timeout: 120_000,
  }, async () => {
    const ids = (await shop.catalogue.addProducts(Array.from({ length: 5 }, () => ({ stock: 8 })))).map(({ id }) => id);
    const orders = Array.from({ length: 40 }, (_, index) => ({
      orderId: newOrderId(),
      lines: ids
        .filter((_, at) => at !== index % 5)
        .map((productId) => ({ productId, quantity: 1 }))
        .sort(() => (index % 2 ? 1 : -1)),
    }));
    const answers = await Promise.all(
      orders.map(({ orderId, lines }, index) => shop.step('hold', orderId, lines, index % 2 ? replica : shop.service)),
    );
    for (const [index, { orderId, lines }] of orders.entries()) {
      const states = await Promise.all(lines.map(({ productId }) => stateOf(productId, orderId)));
      assert.deepEqual(
        states,
        states.map(() => (answers[index]?.status === 200 ? 'held' : 'released')),
      );
    }
    for (const id of ids) await assertBalanced(id);
  });

  test('a release racing a commit over five lines: all lines end the same way, and one of the two is refused', {
    timeout: 180_000,
  }, async () => {
    const ids = (await shop.catalogue.addProducts(Array.from({ length: 5 }, () => ({ stock: 1000 })))).map(
      ({ id }) => id,
    );
    const lines = ids.map((productId) => ({ productId, quantity: 1 }));
    const outcomes = { committed: 0, released: 0 };
    for (let round = 0; round < 60; round += 1) {
      const orderId = newOrderId();
      assert.equal((await shop.step('hold', orderId, lines)).status, 200);
      const [commit, release] = await Promise.all([
        sleep(Math.max(0, round % 6)).then(() => shop.step('commit', orderId, lines)),
        sleep(Math.max(0, 5 - (round % 6))).then(() => shop.step('release', orderId, lines.toReversed(), replica)),
      ]);
      const states = new Set(await Promise.all(ids.map((id) => stateOf(id, orderId))));
      assert.equal(states.size, 1, `round ${round}: ${[...states]}`);
      const [state] = states as Set<'committed' | 'released'>;
      assert.ok(state === 'committed' || state === 'released', state);
      assert.deepEqual([commit.status, release.status], state === 'committed' ? [200, 409] : [409, 200]);
      outcomes[state] += 1;
    }
    assert.ok(outcomes.committed > 0 && outcomes.released > 0, `both won at times: ${JSON.stringify(outcomes)}`);
    for (const id of ids) await assertBalanced(id);
  });

  test('a release racing the hold itself leaves nothing held, however late the hold is', {
    timeout: 120_000,
  }, async () => {
    const ids = (await shop.catalogue.addProducts(Array.from({ length: 3 }, () => ({ stock: 100 })))).map(
      ({ id }) => id,
    );
    const lines = ids.map((productId) => ({ productId, quantity: 1 }));
    for (let round = 0; round < 30; round += 1) {
      const orderId = newOrderId();
      const [hold, release] = await Promise.all([
        shop.step('hold', orderId, lines),
        sleep(round % 8).then(() => shop.step('release', orderId, lines, replica)),
      ]);
      assert.equal(release.status, 200);
      assert.ok([200, 409].includes(hold.status));
      const states = await Promise.all(ids.map((id) => stateOf(id, orderId)));
      assert.deepEqual(states, ['released', 'released', 'released'], `round ${round}`);
    }
    for (const id of ids)
      assert.deepEqual(
        { ...(await shop.readHead(id)), inStock: true },
        { available: 100, reserved: 0, sold: 0, inStock: true },
      );
  });
});
