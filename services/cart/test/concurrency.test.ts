// Integration: many at once, and answers that never come.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Client } from 'cassandra-driver';
import type { Database } from '#platform/cassandra/database.ts';
import { connectAs, openDatabase } from '../../local/test-support/cassandra.ts';
import {
  addItem,
  type Cart,
  emptyCart,
  giveTo,
  mergeCart,
  type Offer,
  restoreLines,
  takeLines,
} from '../src/carts/cart.ts';
import { CART_TTL, type CartRepository, createCartRepository } from '../src/carts/repository.ts';
import { openStore, type Store, shopper } from './support/store.ts';

let store: Store;
before(async () => {
  store = await openStore({ replicas: 2 });
});
after(() => store.close());

describe('changes at once', () => {
  it('40 additions to one cart are 40, each within the 5 s that a request may take', async () => {
    const ann = shopper(store.replicas[0]);
    const { id } = store.product.offer();
    const answers = await Promise.all(Array.from({ length: 40 }, () => ann.add(id, 1)));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [201]);
    const { body } = await ann.getCart().expect(200);
    assert.deepEqual([body.itemCount, body.version], [40, 40]);
  });

  it('two replicas that add to one cart lose nothing, each answer 201', async () => {
    const userId = crypto.randomUUID();
    const shoppers = store.replicas.map((replica) => shopper(replica, userId));
    const products = [store.product.offer(), store.product.offer()];
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => shoppers.map(({ add }) => add(products[index % 2]?.id ?? '', 1))).flat(),
    );
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [201]);
    const { body } = await shopper(store.replicas[0], userId).getCart().expect(200);
    assert.deepEqual(
      body.items.map(({ quantity }: { quantity: number }) => quantity),
      [20, 20],
    );
    assert.equal(body.version, 40);
  });

  it('a cart goes to one of two orders that take it at once, whole', async () => {
    for (let round = 0; round < 10; round += 1) {
      const userId = crypto.randomUUID();
      const [one, other] = store.replicas.map((replica) => shopper(replica, userId));
      await one?.add(store.product.offer().id, 3).expect(201);
      const takes = await Promise.all([one?.take(crypto.randomUUID()), other?.take(crypto.randomUUID())]);
      const pieces = takes.map((answer) => answer?.body.lines.length);
      assert.deepEqual(pieces.sort(), [0, 1]);
    }
  });

  it('takes and restores of one order, repeated at once on both replicas, leave every piece in one place', async () => {
    for (let round = 0; round < 10; round += 1) {
      const userId = crypto.randomUUID();
      const orderId = crypto.randomUUID();
      const both = store.replicas.map((replica) => shopper(replica, userId));
      await both[0]?.add(store.product.offer().id, 3).expect(201);
      const restores = await Promise.all(
        both.flatMap(({ take, restore }) => [take(orderId).then(() => undefined), restore(orderId)]),
      );
      assert.ok(restores.filter((answer) => answer?.body.restored).length <= 1);
      const { body } = await shopper(store.replicas[0], userId).getCart().expect(200);
      assert.equal(body.itemCount, 3);
    }
  });
});

describe('a write whose answer is lost', () => {
  const lamp: Offer = {
    productId: crypto.randomUUID(),
    sku: 'L-1',
    name: 'Lamp',
    image: undefined,
    priceMinor: 1000,
    currency: 'USD',
    available: 5000,
  };
  const addOne = (cart: Cart) => ({ cart: addItem(cart, lamp, 1) });
  const quantityIn = (cart: Cart | undefined) => cart?.lines[0]?.quantity ?? 0;
  let database: Database;
  let carts: CartRepository;
  let admin: Client;

  before(async () => {
    const { contactPoints, keyspacePrefix, admin: account } = store.keyspaces;
    database = await openDatabase(store.keyspaces, 'cart');
    carts = createCartRepository(database);
    admin = await connectAs(contactPoints, account, `${keyspacePrefix}cart`);
  });
  after(async () => {
    await admin.shutdown();
    await database.close();
  });

  /** Does the write, loses the answer, lets `meanwhile` happen, and repeats it, as `conditional` does. */
  function losesAnswers(meanwhile: () => Promise<unknown> = async () => {}): CartRepository {
    return createCartRepository({
      ...database,
      async conditional(name, statements) {
        await database.conditional(name, statements);
        await meanwhile();
        return { ...(await database.conditional(name, statements)), uncertain: true };
      },
    });
  }

  it('is known as its own: nothing is added twice, on a new cart and on an old one', async () => {
    const id = crypto.randomUUID();
    for (const quantity of [1, 2, 3]) {
      const { cart } = await losesAnswers().changeCart(id, addOne);
      assert.equal(quantityIn(cart), quantity);
      assert.equal(quantityIn(await carts.findCart(id)), quantity);
    }
  });

  it('is known as not done when another writer made that version, and is done then, once', async () => {
    for (const start of [0, 1]) {
      const id = crypto.randomUUID();
      if (start) await carts.changeCart(id, addOne);
      let lost = false;
      const losesBeforeWriting = createCartRepository({
        ...database,
        async conditional(name, statements) {
          if (lost) return database.conditional(name, statements);
          lost = true;
          await carts.changeCart(id, addOne);
          return { ...(await database.conditional(name, statements)), uncertain: true };
        },
      });
      await losesBeforeWriting.changeCart(id, addOne);
      assert.equal(quantityIn(await carts.findCart(id)), start + 2);
    }
  });

  it('is outcome_unknown when the cart has moved on since, and is not repeated', async () => {
    for (const start of [0, 1]) {
      const id = crypto.randomUUID();
      if (start) await carts.changeCart(id, addOne);
      const changing = losesAnswers(() => carts.changeCart(id, addOne)).changeCart(id, addOne);
      await assert.rejects(changing, { status: 503, code: 'outcome_unknown' });
      assert.equal(quantityIn(await carts.findCart(id)), start + 2);
    }
  });

  it('is 503 when no answer comes at all, and is made at most once', async () => {
    const id = crypto.randomUUID();
    const silent = createCartRepository({
      ...database,
      async conditional(name, statements) {
        await database.conditional(name, statements);
        throw Object.assign(new Error('no answer'), { code: 'database_unavailable' });
      },
    });
    await assert.rejects(silent.changeCart(id, addOne), { code: 'database_unavailable' });
    assert.equal(quantityIn(await carts.findCart(id)), 1);
  });

  it('lets an order take and restore without losing or doubling a piece', async () => {
    const id = crypto.randomUUID();
    const orderId = crypto.randomUUID();
    const repository = losesAnswers();
    await repository.changeCart(id, addOne);
    for (let times = 0; times < 2; times += 1) {
      const { lines } = await repository.changeCart(id, (cart) => takeLines(cart, orderId));
      assert.equal(lines[0]?.quantity, 1);
    }
    assert.equal((await repository.changeCart(id, (cart) => restoreLines(cart, orderId))).restored, true);
    assert.equal((await repository.changeCart(id, (cart) => restoreLines(cart, orderId))).restored, false);
    assert.equal(quantityIn(await carts.findCart(id)), 1);
  });

  it('gives up as cart_busy when others are always first, having written nothing', async () => {
    const id = crypto.randomUUID();
    let others = 0;
    const unlucky = createCartRepository({
      ...database,
      async conditional(name, statements) {
        others += 1;
        await carts.changeCart(id, addOne);
        return database.conditional(name, statements);
      },
    });
    await assert.rejects(unlucky.changeCart(id, addOne), { status: 503, code: 'cart_busy' });
    assert.equal(quantityIn(await carts.findCart(id)), others);
  });

  it('every write gives every cell 30 days again', async () => {
    const id = crypto.randomUUID();
    const ttls = async () => {
      const columns = ['version', 'write_id', 'lines', 'takes', 'merges', 'merged_into', 'updated_at'];
      const { rows } = await admin.execute(
        `SELECT ${columns.map((column) => `TTL(${column}) AS ${column}`).join(', ')} FROM carts WHERE cart_id = ?`,
        [id],
      );
      return columns.flatMap((column) => rows[0]?.[column] ?? []);
    };
    const take = (cart: Cart) => takeLines(cart, id);
    const merge = (cart: Cart) => ({
      cart: mergeCart(cart, { ...emptyCart(id, new Date()), version: 1, mergedInto: id }),
    });
    const giveAway = (cart: Cart) => ({ cart: giveTo(cart, id) });
    // An empty list has no cell, and so nothing that could run out.
    const changes = [
      { change: addOne, cells: 4 },
      { change: take, cells: 4 },
      { change: addOne, cells: 5 },
      { change: merge, cells: 6 },
      { change: addOne, cells: 6 },
      { change: giveAway, cells: 7 },
    ];
    for (const { change, cells } of changes) {
      await carts.changeCart<{ cart: Cart }>(id, change);
      const fresh = await ttls();
      assert.equal(fresh.length, cells);
      for (const ttl of fresh) assert.ok(ttl > CART_TTL - 2 && ttl <= CART_TTL, `${ttl}`);
      await new Promise((resolve) => setTimeout(resolve, 2100));
      for (const ttl of await ttls()) assert.ok(ttl <= CART_TTL - 2, `${ttl}`);
    }
  });

  it('a cart that has run out is a new one to whoever still holds the old', async () => {
    const id = crypto.randomUUID();
    await carts.changeCart(id, addOne);
    let first = true;
    await carts.changeCart(id, async (cart) => {
      if (first) await admin.execute('DELETE FROM carts WHERE cart_id = ? IF EXISTS', [id]);
      first = false;
      return addOne(cart);
    });
    const cart = await carts.findCart(id);
    assert.deepEqual([cart?.version, quantityIn(cart)], [1, 1]);
  });
});
