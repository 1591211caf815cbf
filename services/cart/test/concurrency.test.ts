// Integration: concurrent changes, and lost answers.
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
import { CART_TTL_SECONDS, type CartRepository, createCartRepository } from '../src/carts/repository.ts';
import { openStore, type Store, shopper } from './support/store.ts';

let store: Store;
before(async () => {
  store = await openStore({ replicas: 2 });
});
after(() => store.close());

describe('concurrent changes', () => {
  it('40 additions to one cart all count, each within the 5 s that a request may take', async () => {
    const ann = shopper(store.replicas[0]);
    const { id } = store.product.offer();
    const answers = await Promise.all(Array.from({ length: 40 }, () => ann.add(id, 1)));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [201]);
    const { body } = await ann.getCart().expect(200);
    assert.deepEqual([body.itemCount, body.version], [40, 40]);
  });

  it('additions to one cart on two replicas lose nothing, and all are answered 201', async () => {
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

  it('a cart taken by two orders at once goes to one of them, whole', async () => {
    for (let round = 0; round < 10; round += 1) {
      const userId = crypto.randomUUID();
      const [one, other] = store.replicas.map((replica) => shopper(replica, userId));
      await one?.add(store.product.offer().id, 3).expect(201);
      const takes = await Promise.all([one?.take(crypto.randomUUID()), other?.take(crypto.randomUUID())]);
      const pieces = takes.map((answer) => answer?.body.lines.length);
      assert.deepEqual(pieces.sort(), [0, 1]);
    }
  });

  it('concurrent takes and restores of one order on both replicas leave every piece in one place', async () => {
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
  const repositoryWith = (conditional: Database['conditional']) =>
    createCartRepository({ ...database, conditional }, () => new Date());

  before(async () => {
    const { contactPoints, keyspacePrefix, admin: account } = store.keyspaces;
    database = await openDatabase(store.keyspaces, 'cart');
    carts = repositoryWith(database.conditional);
    admin = await connectAs(contactPoints, account, `${keyspacePrefix}cart`);
  });
  after(async () => {
    await admin.shutdown();
    await database.close();
  });

  /** Writes, loses the answer, lets `meanwhile` happen, and repeats the write, as `conditional` does. */
  function losesAnswers(meanwhile: () => Promise<unknown> = async () => {}): CartRepository {
    return repositoryWith(async (name, statements) => {
      await database.conditional(name, statements);
      await meanwhile();
      return { ...(await database.conditional(name, statements)), uncertain: true };
    });
  }

  it('is recognised as its own: nothing is added twice, to a new cart or an old one', async () => {
    const id = crypto.randomUUID();
    for (const quantity of [1, 2, 3]) {
      const { cart, changed } = await losesAnswers().changeCart(id, addOne);
      assert.deepEqual([quantityIn(cart), changed], [quantity, true]);
      assert.equal(quantityIn(await carts.findCart(id)), quantity);
    }
  });

  it('is recognised as not applied when another writer made that version, and is then applied once', async () => {
    for (const start of [0, 1]) {
      const id = crypto.randomUUID();
      if (start) await carts.changeCart(id, addOne);
      let lost = false;
      const losesBeforeWriting = repositoryWith(async (name, statements) => {
        if (lost) return database.conditional(name, statements);
        lost = true;
        await carts.changeCart(id, addOne);
        return { ...(await database.conditional(name, statements)), uncertain: true };
      });
      await losesBeforeWriting.changeCart(id, addOne);
      assert.equal(quantityIn(await carts.findCart(id)), start + 2);
    }
  });

  it('is outcome_unknown when the cart has changed since, and is not repeated', async () => {
    for (const start of [0, 1]) {
      const id = crypto.randomUUID();
      if (start) await carts.changeCart(id, addOne);
      const changing = losesAnswers(() => carts.changeCart(id, addOne)).changeCart(id, addOne);
      await assert.rejects(changing, { status: 503, code: 'outcome_unknown' });
      assert.equal(quantityIn(await carts.findCart(id)), start + 2);
    }
  });

  it('is 503 when there is no answer at all, and is made at most once', async () => {
    const id = crypto.randomUUID();
    const silent = repositoryWith(async (name, statements) => {
      await database.conditional(name, statements);
      throw Object.assign(new Error('no answer'), { code: 'database_unavailable' });
    });
    await assert.rejects(silent.changeCart(id, addOne), { code: 'database_unavailable' });
    assert.equal(quantityIn(await carts.findCart(id)), 1);
  });

  it('lets an order take and restore without losing or duplicating a piece', async () => {
    const id = crypto.randomUUID();
    const orderId = crypto.randomUUID();
    const repository = losesAnswers();
    await repository.changeCart(id, addOne);
    for (let times = 0; times < 2; times += 1) {
      const { lines, changed } = await repository.changeCart(id, (cart) => takeLines(cart, orderId));
      assert.deepEqual([lines[0]?.quantity, changed], [1, times === 0]);
    }
    assert.equal((await repository.changeCart(id, (cart) => restoreLines(cart, orderId))).restored, true);
    assert.equal((await repository.changeCart(id, (cart) => restoreLines(cart, orderId))).restored, false);
    assert.equal(quantityIn(await carts.findCart(id)), 1);
  });

  it('ends as cart_busy when other writers are always first, having written nothing', async () => {
    const id = crypto.randomUUID();
    let others = 0;
    const unlucky = repositoryWith(async (name, statements) => {
      others += 1;
      await carts.changeCart(id, addOne);
      return database.conditional(name, statements);
    });
    await assert.rejects(unlucky.changeCart(id, addOne), { status: 503, code: 'cart_busy' });
    assert.equal(quantityIn(await carts.findCart(id)), others);
  });

  it('every write renews the 30 days of every cell', async () => {
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
    // An empty list has no cell that could expire.
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
      for (const ttl of fresh) assert.ok(ttl > CART_TTL_SECONDS - 2 && ttl <= CART_TTL_SECONDS, `${ttl}`);
      await new Promise((resolve) => setTimeout(resolve, 2100));
      for (const ttl of await ttls()) assert.ok(ttl <= CART_TTL_SECONDS - 2, `${ttl}`);
    }
  });

  it('a cart that expires during a change is changed as a new one', async () => {
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
