import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { type Client, types } from 'cassandra-driver';
import { connectAs, type TestKeyspaces, useKeyspaces } from '../../services/local/test-support/cassandra.ts';

/**
 * `column = column + ?` in a conditional UPDATE works since Cassandra 4.1 but isn't documented. The stock depends on it, and on what a
 * refused batch returns: these tests show whether both still hold in a newer version of the server.
 */

const head = types.Uuid.fromString('00000000-0000-0000-0000-000000000000');
let store: TestKeyspaces;
let client: Client;

before(async () => {
  store = await useKeyspaces();
  const username = `${store.keyspacePrefix}product`;
  client = await connectAs(store.contactPoints, { username, password: store.passwords.product }, username);
});

after(async () => {
  await client?.shutdown();
  await store?.stop();
});

const newId = () => types.Uuid.fromString(randomUUID());

async function newProduct(available: number): Promise<types.Uuid> {
  const productId = newId();
  const query =
    'INSERT INTO products (product_id, op_id, available, reserved, sold) VALUES (?, ?, ?, 0, 0) IF NOT EXISTS';
  await client.execute(query, [productId, head, available]);
  return productId;
}

const hold = (productId: types.Uuid, orderId: types.Uuid, quantity: number) =>
  client.batch([
    {
      query:
        'UPDATE products SET available = available + ?, reserved = reserved + ? WHERE product_id = ? AND op_id = ? IF available >= ?',
      params: [-quantity, quantity, productId, head, quantity],
    },
    {
      query:
        "INSERT INTO products (product_id, op_id, kind, quantity, state) VALUES (?, ?, 'hold', ?, 'held') IF NOT EXISTS",
      params: [productId, orderId, quantity],
    },
  ]);

const commit = (productId: types.Uuid, orderId: types.Uuid, quantity: number) =>
  client.batch([
    {
      query:
        'UPDATE products SET reserved = reserved + ?, sold = sold + ? WHERE product_id = ? AND op_id = ? IF reserved >= ?',
      params: [-quantity, types.Long.fromNumber(quantity), productId, head, quantity],
    },
    {
      query: "UPDATE products SET state = 'committed' WHERE product_id = ? AND op_id = ? IF state = 'held'",
      params: [productId, orderId],
    },
  ]);

async function stockOf(productId: types.Uuid): Promise<number[]> {
  const query = 'SELECT available, reserved, sold FROM products WHERE product_id = ? AND op_id = ?';
  const row = (await client.execute(query, [productId, head])).first();
  return [row?.get('available'), row?.get('reserved'), Number(row?.get('sold'))];
}

const opsIn = (result: types.ResultSet) =>
  result.rows.map((row) => row.get('op_id')?.toString()).filter((id) => id !== undefined);

test('a hold is applied if enough is available: both counts move, and the operation is stored beside them', async () => {
  const productId = await newProduct(5);
  assert.equal((await hold(productId, newId(), 2)).wasApplied(), true);
  assert.deepEqual(await stockOf(productId), [3, 2, 0]);
});

test('a commit moves the held quantity to sold, an int and a bigint in one update', async () => {
  const productId = await newProduct(5);
  const orderId = newId();
  await hold(productId, orderId, 2);
  assert.equal((await commit(productId, orderId, 2)).wasApplied(), true);
  assert.deepEqual(await stockOf(productId), [3, 0, 2]);
  assert.equal((await commit(productId, orderId, 2)).wasApplied(), false);
  assert.deepEqual(await stockOf(productId), [3, 0, 2]);
});

test('a hold is refused if not enough is available, and returns only the head row', async () => {
  const productId = await newProduct(1);
  const orderId = newId();
  const result = await hold(productId, orderId, 2);
  assert.equal(result.wasApplied(), false);
  assert.deepEqual(opsIn(result), [head.toString()]);
  assert.deepEqual(await stockOf(productId), [1, 0, 0]);
});

test('a repeated hold is refused and returns its own row, even if nothing is left', async () => {
  const productId = await newProduct(2);
  const orderId = newId();
  await hold(productId, orderId, 2);
  const result = await hold(productId, orderId, 2);
  assert.equal(result.wasApplied(), false);
  assert.ok(opsIn(result).includes(orderId.toString()));
  assert.deepEqual(await stockOf(productId), [0, 2, 0]);
});

test('a hold on an unknown product is refused, returns no row and leaves none', async () => {
  const productId = newId();
  const result = await hold(productId, newId(), 1);
  assert.equal(result.wasApplied(), false);
  assert.deepEqual(opsIn(result), []);
  const { rows } = await client.execute('SELECT op_id FROM products WHERE product_id = ?', [productId]);
  assert.equal(rows.length, 0);
});

test('concurrent holds never take more than is available, and the counts match the operations', async () => {
  const productId = await newProduct(10);
  const results = await Promise.all(
    Array.from({ length: 4 }, async () => {
      let applied = 0;
      for (let attempt = 0; attempt < 5; attempt += 1) {
        if ((await hold(productId, newId(), 1)).wasApplied()) applied += 1;
      }
      return applied;
    }),
  );
  assert.equal(
    results.reduce((sum, applied) => sum + applied, 0),
    10,
  );
  assert.deepEqual(await stockOf(productId), [0, 10, 0]);
  const { rows } = await client.execute('SELECT op_id FROM products WHERE product_id = ?', [productId]);
  assert.equal(rows.length, 11);
});
