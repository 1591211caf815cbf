import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, types } from 'cassandra-driver';
import type { Database } from '#platform/cassandra/database.ts';
import { HEAD } from '../../product/src/stock/head.ts';
import { type AuditOptions, auditStore } from '../src/audit/audit-store.ts';
import { createJournal } from '../src/audit/journal.ts';
import { type CartLine, faultsOfCart } from '../src/audit/rules.ts';
import { describeAudit } from '../src/commands/audit.ts';
import { connectAs, openDatabase, type TestKeyspaces, useKeyspaces } from '../test-support/cassandra.ts';
import { createTestCatalogue, type TestProduct } from '../test-support/catalogue.ts';

const LONG_AGO = new Date(Date.now() - 600_000);
const LISTINGS = ['listing_by_newest', 'listing_by_price', 'listing_by_name'];

let keyspaces: TestKeyspaces;
let client: Client;
let database: Database;
let folder: string;
let product: TestProduct;

before(async () => {
  keyspaces = await useKeyspaces();
  client = await connectAs(keyspaces.contactPoints, keyspaces.admin);
  database = await openDatabase(keyspaces, 'product');
  folder = await mkdtemp(path.join(tmpdir(), 'audit-'));
});

after(async () => {
  await rm(folder, { recursive: true, force: true });
  await database?.close();
  await client?.shutdown();
  await keyspaces?.stop();
});

const table = (name: string) => `${keyspaces.keyspacePrefix}${name}`;
const long = (value: number) => types.Long.fromNumber(value);
const run = (cql: string, ...params: unknown[]) => client.execute(cql, params, { prepare: true });

function insert(name: string, row: Record<string, unknown>) {
  const columns = Object.keys(row);
  const places = columns.map(() => '?').join(', ');
  return run(`INSERT INTO ${table(name)} (${columns.join(', ')}) VALUES (${places})`, ...Object.values(row));
}

async function audit(options: Partial<AuditOptions> = {}) {
  const { contactPoints, localDataCenter, keyspacePrefix, passwords } = keyspaces;
  return auditStore({
    contactPoints,
    localDataCenter,
    username: `${keyspacePrefix}audit`,
    password: passwords.audit,
    keyspaces: { product: table('product'), cart: table('cart'), order: table('orders'), user: table('users') },
    full: true,
    recheckDelays: [10, 50],
    ...options,
  });
}

/** The violations that an audit finds, each prefixed with its invariant. */
async function violations(options: Partial<AuditOptions> = {}): Promise<string[]> {
  const { checks } = await audit(options);
  return checks.flatMap(({ id, violations: sentences }) => sentences.map((sentence) => `${id} ${sentence}`));
}

/** Fails unless each pattern matches a violation and each violation a pattern. */
async function assertViolations(patterns: readonly RegExp[], options: Partial<AuditOptions> = {}): Promise<void> {
  const found = await violations(options);
  for (const pattern of patterns)
    assert.ok(
      found.some((line) => pattern.test(line)),
      `${pattern} in\n${found.join('\n')}`,
    );
  const others = found.filter((line) => !patterns.some((pattern) => pattern.test(line)));
  assert.deepEqual(others, [], 'violations that were not planted');
}

interface PlantedOrder {
  readonly id: string;
  readonly userId: string;
  readonly total: number;
}

const PATHS: Record<string, string[]> = {
  pending: ['pending'],
  confirmed: ['pending', 'confirmed'],
  delivered: ['pending', 'confirmed', 'processing', 'shipped', 'delivered'],
  cancelled: ['pending', 'confirmed', 'cancelled'],
  rejected: ['pending', 'rejected'],
};
const HOLDS: Record<string, string> = {
  pending: 'held',
  confirmed: 'committed',
  delivered: 'committed',
  cancelled: 'returned',
  rejected: 'released',
};

/** An order of two units with everything that belongs to it: stock, lists, the cart that it took. */
async function plantOrder(status: string, changes: Record<string, unknown> = {}): Promise<PlantedOrder> {
  const id = crypto.randomUUID();
  const userId = crypto.randomUUID();
  const total = 2 * product.priceMinor;
  const events = PATHS[status] as string[];
  const line = { product_id: product.id, sku: product.sku, name: product.name, quantity: 2 };
  const lines = [{ ...line, unit_price_minor: long(product.priceMinor) }];
  const state = {
    user_id: userId,
    created_at: LONG_AGO,
    status,
    version: events.length + 1,
    lines,
    total_minor: long(total),
    currency: 'USD',
    address: { name: 'A', line1: 'B', line2: null, city: 'C', postal_code: 'D', country: 'US' },
    updated_at: LONG_AGO,
    ...changes,
  };
  for (const [index, event] of events.entries()) {
    const seq = index === 0 ? 1 : index + 2;
    await insert('orders.orders', {
      order_id: id,
      seq,
      event,
      actor: 'system',
      at: LONG_AGO,
      request_hash: 'x',
      ...state,
    });
  }
  if (status !== 'pending' && status !== 'rejected') {
    await insert('orders.orders_by_user', { order_id: id, ...state });
    await insert('orders.orders_by_day', { order_id: id, day: LONG_AGO.toISOString().slice(0, 10), ...state });
  }
  const cartLine = { ...line, image: null, unit_price_minor: long(product.priceMinor), currency: 'USD' };
  const takes = [{ order_id: id, lines: status === 'rejected' ? [] : [cartLine] }];
  await insert('cart.carts', { cart_id: userId, version: 1, write_id: id, lines: [], takes, updated_at: LONG_AGO });
  await hold(id, 2, HOLDS[status] as string);
  return { id, userId, total };
}

/** A hold, applied to the counts in the head row. */
async function hold(orderId: string, quantity: number, state: string): Promise<void> {
  await insert('product.products', {
    product_id: product.id,
    op_id: orderId,
    kind: 'hold',
    quantity,
    state,
    at: LONG_AGO,
  });
  const { available, reserved, sold } = await level();
  const isHeld = state === 'held' ? quantity : 0;
  const isSold = state === 'committed' ? quantity : 0;
  await setLevel(available - isHeld - isSold, reserved + isHeld, sold + isSold);
}

async function level() {
  const cql = `SELECT available, reserved, sold FROM ${table('product')}.products WHERE product_id = ? AND op_id = ?`;
  const row = (await run(cql, product.id, HEAD)).first();
  return { available: row.available as number, reserved: row.reserved as number, sold: Number(row.sold) };
}

function setLevel(available: number, reserved: number, sold: number) {
  const cql = `UPDATE ${table('product')}.products SET available = ?, reserved = ?, sold = ? WHERE product_id = ? AND op_id = ?`;
  return run(cql, available, reserved, long(sold), product.id, HEAD);
}

async function plantAccount(changes: Record<string, unknown> = {}): Promise<string> {
  const userId = crypto.randomUUID();
  const email = `${userId}@example.com`;
  await insert('users.credentials', { email, user_id: userId, password_hash: 'x', name: 'A', role: 'user' });
  await insert('users.users', {
    user_id: userId,
    email,
    name: 'A',
    role: 'user',
    status: 'active',
    version: 1,
    ...changes,
  });
  return userId;
}

beforeEach(async () => {
  const tables = ['product.products', 'product.skus', ...LISTINGS.map((name) => `product.${name}`), 'cart.carts'];
  tables.push('orders.orders', 'orders.orders_by_user', 'orders.orders_by_day', 'users.users', 'users.credentials');
  // Not deleted: a tombstone would hide rows that are seeded with an earlier timestamp.
  await Promise.all(tables.map((name) => run(`TRUNCATE ${table(name)}`)));
  const catalogue = createTestCatalogue(database);
  await catalogue.addCategories('home/lighting/lamps');
  [product] = (await catalogue.addProducts([{ category: 'lamps', stock: 100 }, { category: 'home' }])) as [TestProduct];
});

describe('the audit', () => {
  test('finds nothing in a healthy store, and counts what it checked', async () => {
    for (const status of Object.keys(PATHS)) if (status !== 'pending') await plantOrder(status);
    await plantOrder('pending', { created_at: new Date(), updated_at: new Date() });
    await plantAccount();
    const report = await audit();
    assert.deepEqual(
      report.checks.flatMap(({ violations: sentences }) => sentences),
      [],
    );
    const looked = Object.fromEntries(report.checks.map((check) => [check.id, check.looked]));
    assert.deepEqual(
      { orders: looked.I1, stock: looked.I2, skus: looked.skus, carts: looked.carts, accounts: looked.accounts },
      { orders: 5, stock: 2, skus: 2, carts: 5, accounts: 1 },
    );
    assert.equal(looked['order lists'], 5 + 6);
    // Four listings of one product and two of the other in three tables, beside the two products themselves.
    assert.equal(looked.listings, 2 + 3 * (4 + 2));
    assert.equal(describeAudit(report).at(-1), 'No violations.');
    assert.deepEqual(await violations({ full: false }), []);
  });

  test('I1: finds an order whose history does not lead to its status', async () => {
    const { id } = await plantOrder('confirmed');
    await run(`DELETE FROM ${table('orders')}.orders WHERE order_id = ? AND seq = 3`, id);
    await assertViolations([new RegExp(`^I1 order ${id}: is confirmed, but its history ends with pending`)]);
  });

  test('I2: finds every way in which stock does not add up', async () => {
    await plantOrder('confirmed');
    await setLevel(97, 0, 2);
    await assertViolations([/^I2 .*available \+ reserved \+ sold is 99, but 100 were put in/]);
    await setLevel(97, 1, 2);
    await assertViolations([/^I2 .*reserved is 1, but its holds are 0/]);
    await setLevel(99, 0, 1);
    await assertViolations([/^I2 .*sold is 1, but its sales are 2/]);
    await setLevel(99, -1, 2);
    await assertViolations([/^I2 .*one is negative/, /^I2 .*reserved is -1/]);
    await run(`DELETE FROM ${table('product')}.products WHERE product_id = ? AND op_id = ?`, product.id, HEAD);
    await assertViolations([/^I2 .*no head row/, /^listings .*has no product/]);
  });

  test('I3: finds a total that is not the sum of the lines', async () => {
    const { id } = await plantOrder('delivered', { total_minor: long(1) });
    await assertViolations([new RegExp(`^I3 order ${id}: its total is 1, but its lines are 3998`)]);
  });

  test('I4: finds a hold without an order, one of too many, and one that outlived its order', async () => {
    const nobody = crypto.randomUUID();
    await hold(nobody, 3, 'held');
    const rejected = await plantOrder('rejected');
    await insert('product.products', { product_id: product.id, op_id: rejected.id, state: 'held' });
    await setLevel(95, 5, 0);
    await assertViolations([
      new RegExp(`^I4 product .* 3 are held for order ${nobody}, which does not exist`),
      new RegExp(`^I4 product .* 2 are held for order ${rejected.id}, which is rejected`),
      new RegExp(`^I4 order ${rejected.id} \\(rejected\\): its 2 of product .* are held`),
    ]);
  });

  test('I4: finds a sold order whose lines are not committed, and a cancelled one whose lines are not back in stock', async () => {
    const confirmed = await plantOrder('confirmed');
    const cancelled = await plantOrder('cancelled');
    await insert('product.products', { product_id: product.id, op_id: confirmed.id, state: 'released' });
    await insert('product.products', { product_id: product.id, op_id: cancelled.id, state: 'committed' });
    await assertViolations([
      new RegExp(`^I4 order ${confirmed.id} \\(confirmed\\): its 2 of product .* are released`),
      new RegExp(`^I4 order ${cancelled.id} \\(cancelled\\): its 2 of product .* are committed`),
      new RegExp(`^I4 product .* 2 are committed for order ${cancelled.id}, which is cancelled`),
    ]);
  });

  test('I5: finds an order that has been pending for longer than the grace period, and ignores a younger one', async () => {
    const { id } = await plantOrder('pending');
    await assertViolations([new RegExp(`^I5 order ${id} has been pending since`)]);
    assert.deepEqual(await violations({ graceSeconds: 3600 }), []);
  });

  test('finds orders that the lists lack, show wrongly, or show although they do not exist', async () => {
    const lacking = await plantOrder('confirmed');
    const wrong = await plantOrder('delivered');
    await run(`DELETE FROM ${table('orders')}.orders_by_user WHERE user_id = ?`, lacking.userId);
    const day = LONG_AGO.toISOString().slice(0, 10);
    await insert('orders.orders_by_day', { day, created_at: LONG_AGO, order_id: wrong.id, status: 'shipped' });
    const ghost = crypto.randomUUID();
    await insert('orders.orders_by_user', {
      user_id: ghost,
      created_at: LONG_AGO,
      order_id: ghost,
      status: 'confirmed',
      version: 2,
      total_minor: long(1),
    });
    await assertViolations([
      new RegExp(`^order lists order ${lacking.id} \\(confirmed\\) is not in orders_by_user`),
      new RegExp(`^order lists orders_by_day shows order ${wrong.id} as shipped`),
      new RegExp(`^order lists orders_by_user shows order ${ghost}, which does not exist`),
    ]);
  });

  test('finds products that a listing lacks, shows wrongly, or still shows in an old place', async () => {
    const { id, name, priceMinor, createdAt } = product;
    const keyspace = table('product');
    await run(
      `DELETE FROM ${keyspace}.listing_by_name WHERE listing = 'all' AND name_key = ? AND product_id = ?`,
      name.toLowerCase(),
      id,
    );
    const at = 'listing = ? AND price_minor = ? AND product_id = ?';
    await run(`UPDATE ${keyspace}.listing_by_price SET in_stock = false WHERE ${at}`, 'home', long(priceMinor), id);
    await run(`UPDATE ${keyspace}.listing_by_price SET in_stock = true WHERE ${at}`, 'all', long(1), id);
    const elsewhere = 'listing = ? AND created_at = ? AND product_id = ?';
    await run(`UPDATE ${keyspace}.listing_by_newest SET in_stock = true WHERE ${elsewhere}`, 'garden', createdAt, id);
    await run(
      `UPDATE ${keyspace}.listing_by_newest SET in_stock = true WHERE ${elsewhere}`,
      'all',
      createdAt,
      crypto.randomUUID(),
    );
    await assertViolations([
      new RegExp(`^listings product ${id}: is not in all of listing_by_name`),
      new RegExp(`^listings listing_by_price, home: the row of product ${id} says in_stock false`),
      new RegExp(`^listings listing_by_price, all: the row of product ${id} stands at 1 instead of 1999`),
      new RegExp(`^listings listing_by_newest, garden: the row of product ${id} is in a category`),
      /^listings listing_by_newest, all: the row of product .* has no product/,
    ]);
  });

  test('finds listings that lag behind, rows of a deleted product, and a SKU that another product claims', async () => {
    const set = (change: string, ...params: unknown[]) =>
      run(
        `UPDATE ${table('product')}.products SET ${change} WHERE product_id = ? AND op_id = ?`,
        ...params,
        product.id,
        HEAD,
      );
    await set('listing_version = 2');
    await run(`UPDATE ${table('product')}.skus SET product_id = ? WHERE sku = ?`, crypto.randomUUID(), product.sku);
    await assertViolations([/^listings .*its listings are at version 1, but it is at 2/, /^skus .*is claimed by/]);
    await set("status = 'deleted', listed_version = 2");
    await assertViolations([/^listings .*the row of product .* is of a deleted product/]);
  });

  test('finds carts that remember impossible takes', async () => {
    const rejected = await plantOrder('rejected');
    const sold = await plantOrder('confirmed');
    const line = { product_id: product.id, quantity: 2, unit_price_minor: long(1) };
    const set = (userId: string, takes: unknown) =>
      run(`UPDATE ${table('cart')}.carts SET takes = ? WHERE cart_id = ?`, takes, userId);
    await set(rejected.userId, [{ order_id: rejected.id, lines: [line] }]);
    await set(sold.userId, [{ order_id: sold.id, lines: [] }]);
    const stranger = crypto.randomUUID();
    const twice = { cart_id: stranger, updated_at: LONG_AGO, lines: [line, { ...line, quantity: 1000 }] };
    await insert('cart.carts', { ...twice, takes: [{ order_id: stranger, lines: [] }] });
    await assertViolations([
      new RegExp(`^carts cart ${rejected.userId}: .* is rejected: they were not put back`),
      new RegExp(`^carts cart ${sold.userId}: .* took 0 lines and is confirmed with others`),
      new RegExp(`^carts cart ${stranger}: has a product twice`),
      new RegExp(`^carts cart ${stranger}: has a quantity that is not from 1 to 999`),
      new RegExp(`^carts cart ${stranger}: order ${stranger} took from it but does not exist`),
    ]);
  });

  test('finds carts that remember more takes than allowed: takes with lines, and takes in total', () => {
    const limits = { lines: 100, quantity: 999, takes: 8 };
    const take = (lines: readonly CartLine[]) => ({ orderId: crypto.randomUUID(), lines });
    const remembers = (full: number, empty: number) => {
      const line = { productId: product.id, quantity: 1 };
      const takes = [
        ...Array.from({ length: full }, () => take([line])),
        ...Array.from({ length: empty }, () => take([])),
      ];
      const cart = { id: 'c', updatedAt: LONG_AGO, lines: [], takes };
      return faultsOfCart(cart, new Map(), limits).filter(({ sentence }) => sentence.includes('remembers'));
    };
    assert.deepEqual([remembers(8, 8), remembers(0, 16)], [[], []]);
    assert.equal(remembers(9, 0)[0]?.sentence, 'cart c: remembers 9 takes, 9 of them with lines');
    assert.equal(remembers(8, 9)[0]?.sentence, 'cart c: remembers 17 takes, 8 of them with lines');
  });

  test('finds users whose address is claimed by another, and roles that do not exist', async () => {
    const nobody = await plantAccount({ email: 'unclaimed@example.com' });
    const boss = await plantAccount({ role: 'boss' });
    await assertViolations([
      new RegExp(`^accounts user ${nobody}: its address is claimed by nobody`),
      new RegExp(`^accounts user ${boss}: its role is boss`),
    ]);
  });

  test('I1, I6: finds acknowledged orders that are missing or differ, and two orders for one key', async () => {
    const [kept, changed, hidden] = [
      await plantOrder('delivered'),
      await plantOrder('confirmed'),
      await plantOrder('confirmed'),
    ];
    await run(`DELETE FROM ${table('orders')}.orders_by_user WHERE user_id = ?`, hidden.userId);
    const file = path.join(folder, 'journal.jsonl');
    const journal = createJournal(file);
    const tell = ({ id, userId, total }: PlantedOrder, key: string, status: 'pending' | 'confirmed' | 'shipped') =>
      journal.order({ key, userId, orderId: id, status, total });
    const lost = crypto.randomUUID();
    tell(kept, 'a', 'confirmed');
    tell({ ...kept, total: 0 }, 'a', 'pending');
    tell({ ...changed, total: 5 }, 'b', 'shipped');
    tell({ ...kept, id: lost }, 'a', 'confirmed');
    tell(hidden, 'c', 'confirmed');
    await writeFile(file, '{"kind":"order","key":"cut o', { flag: 'a' });
    await assertViolations(
      [
        new RegExp(`^I1 key a of user ${kept.userId} has ${kept.id} and ${lost}`),
        new RegExp(`^I1 order ${lost} \\(key a\\) was acknowledged as confirmed but does not exist`),
        new RegExp(`^I6 order ${changed.id} \\(key b\\) was acknowledged as shipped but is confirmed`),
        new RegExp(`^I6 order ${changed.id} \\(key b\\) was acknowledged at 5 but is at 3998`),
        new RegExp(`^I6 order ${hidden.id} is not in its owner's list`),
        new RegExp(`^order lists order ${hidden.id} \\(confirmed\\) is not in orders_by_user`),
      ],
      { journal: file },
    );
    await writeFile(file, '{"kind":"order"}\n{}\n');
    await assert.rejects(violations({ journal: file }), /Line 1 of .* is no journal entry/);
  });

  test('does not count what is correct when it is read again', async () => {
    await setLevel(1, 0, 0);
    const found = violations({ recheckDelays: [1500] });
    await sleep(300);
    await setLevel(100, 0, 0);
    assert.deepEqual(await found, []);
  });

  test('names at most twenty of a kind and counts them all', async () => {
    const orders = 25;
    for (let index = 0; index < orders; index += 1)
      await insert('product.products', {
        product_id: crypto.randomUUID(),
        op_id: crypto.randomUUID(),
        kind: 'adjust',
        state: 'applied',
        quantity: 1,
      });
    const report = await audit();
    const stock = report.checks.find(({ id }) => id === 'I2');
    assert.equal(stock?.violations.length, 20);
    assert.equal(stock?.violationCount, orders);
    assert.match(describeAudit(report).join('\n'), /I2, 25, of which 20:/);
  });

  test('throws if it cannot read', async () => {
    await assert.rejects(violations({ password: 'wrong' }));
  });

  test('treats an empty variable as one that is not set', () => {
    const command = path.join(import.meta.dirname, '../src/commands/audit.ts');
    const nothing = { CASSANDRA_CONTACT_POINTS: '', CASSANDRA_LOCAL_DATACENTER: '', AUDIT_DB_PASSWORD: '' };
    const auditWith = (env: Record<string, string>) =>
      spawnSync(process.execPath, [command], {
        env: { PATH: process.env.PATH ?? '', DATA_DIR: path.join(folder, 'none'), ...nothing, ...env },
        encoding: 'utf8',
      }).stderr;
    assert.match(auditWith({}), /^There is no store in /);
    // Nothing listens there: the test only needs the host that it connects to.
    assert.match(auditWith({ AUDIT_DB_PASSWORD: 'x', INNER_PORT_OFFSET: '23000' }), /127\.0\.0\.1:32042/);
  });
});
