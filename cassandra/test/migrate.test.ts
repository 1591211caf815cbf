import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Client, errors } from 'cassandra-driver';
import {
  connectAs,
  newKeyspaces,
  newPassword,
  type TestKeyspaces,
} from '../../services/local/test-support/cassandra.ts';
import type { Admin } from '../admin-client.ts';
import { type MigrateOptions, migrate } from '../migrate.ts';
import { MigrationError } from '../migration-error.ts';

let store: TestKeyspaces;
let admin: Client;
const schemaDirs: string[] = [];

before(async () => {
  store = await newKeyspaces();
  admin = await connectAs(store.contactPoints, store.admin);
});

after(async () => {
  await admin?.shutdown();
  await store?.stop();
  for (const folder of schemaDirs) await rm(folder, { recursive: true, force: true });
});

/** The arguments of the first migration, with overrides such as another schema. */
const again = (change: Partial<MigrateOptions> = {}): MigrateOptions => ({ ...store, ...change });

/** A copy of the real schema with an extra file in `cart`. */
async function schemaWith(file: string, cql: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'product-store-schema-'));
  schemaDirs.push(folder);
  await cp(fileURLToPath(new URL('../schema', import.meta.url)), folder, { recursive: true });
  await writeFile(join(folder, 'cart', file), cql);
  return folder;
}

async function recorded(file: string): Promise<{ state: string; done: number } | undefined> {
  const query = `SELECT state, statements_done FROM ${store.keyspacePrefix}cart.schema_migrations WHERE name = ?`;
  const row = (await admin.execute(query, [file])).first();
  return row === null ? undefined : { state: row.get('state'), done: row.get('statements_done') };
}

test('a second migration does nothing, in less than a second', async () => {
  const steps: string[] = [];
  const startedAt = performance.now();
  const { applied } = await migrate(again({ onStep: (step) => steps.push(step) }));
  assert.deepEqual({ applied, steps }, { applied: [], steps: [] });
  assert.ok(performance.now() - startedAt < 1000);
});

test('a file that was changed after it was applied is refused, unless only its comments changed', async () => {
  const schemaDir = await schemaWith('0101_extra.cql', 'CREATE TABLE extra (id int PRIMARY KEY);');
  assert.deepEqual((await migrate(again({ schemaDir }))).applied, [`${store.keyspacePrefix}cart/0101_extra.cql`]);
  const file = join(schemaDir, 'cart', '0101_extra.cql');
  await writeFile(file, `-- why\n${await readFile(file, 'utf8')}`);
  assert.deepEqual((await migrate(again({ schemaDir }))).applied, []);
  await writeFile(file, 'CREATE TABLE extra (id int PRIMARY KEY, more text);');
  await assert.rejects(
    migrate(again({ schemaDir })),
    (error) => error instanceof MigrationError && /0101_extra.cql was changed/.test(error.message),
  );
});

test('with two concurrent runners, each statement is executed once', async () => {
  const tables = ['a', 'b', 'c', 'd', 'e'].map((name) => `CREATE TABLE both_${name} (id int PRIMARY KEY);`);
  const schemaDir = await schemaWith('0102_both.cql', tables.join('\n'));
  const steps: string[] = [];
  const onStep = (step: string) => steps.push(step);
  const results = await Promise.all([migrate(again({ schemaDir, onStep })), migrate(again({ schemaDir, onStep }))]);
  assert.deepEqual(
    results.flatMap(({ applied }) => applied),
    [`${store.keyspacePrefix}cart/0102_both.cql`],
  );
  assert.equal(steps.filter((step) => step.includes('CREATE TABLE')).length, tables.length);
});

test('the work of a runner killed in the middle of a file is continued once its lock has expired', async () => {
  const schemaDir = await schemaWith(
    '0103_cut.cql',
    ['a', 'b', 'c'].map((name) => `CREATE TABLE cut_${name} (id int PRIMARY KEY);`).join('\n'),
  );
  const child = spawn(process.execPath, ['--input-type=module', '-e', killedAtItsSecondStatement], {
    env: { ...process.env, OPTIONS: JSON.stringify(again({ schemaDir, lockTtlSeconds: 2 })) },
    stdio: 'inherit',
  });
  assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL']);
  assert.deepEqual(await recorded('0103_cut.cql'), { state: 'running', done: 1 });
  // As if it had been killed between its second statement and the record of it.
  await admin.execute(`CREATE TABLE ${store.keyspacePrefix}cart.cut_b (id int PRIMARY KEY)`, [], { prepare: false });

  const steps: string[] = [];
  await migrate(again({ schemaDir, onStep: (step) => steps.push(step) }));
  assert.deepEqual(await recorded('0103_cut.cql'), { state: 'applied', done: 3 });
  assert.deepEqual(
    steps.filter((step) => step.includes('cut_')).map((step) => step.slice(-5)),
    ['cut_b', 'cut_c'],
  );
});

const killedAtItsSecondStatement = `
  const { migrate } = await import(${JSON.stringify(new URL('../migrate.ts', import.meta.url).href)});
  const onStep = (step) => { if (step.includes('2/3')) process.kill(process.pid, 'SIGKILL'); };
  await migrate({ ...JSON.parse(process.env.OPTIONS), onStep });
`;

test('a failing statement stops the run, and its file may be corrected', async () => {
  const schemaDir = await schemaWith(
    '0104_wrong.cql',
    'CREATE TABLE right_a (id int PRIMARY KEY); CREATE TABLE extra (id int PRIMARY KEY);',
  );
  await assert.rejects(migrate(again({ schemaDir })), /extra/);
  assert.deepEqual(await recorded('0104_wrong.cql'), { state: 'running', done: 1 });
  await writeFile(
    join(schemaDir, 'cart', '0104_wrong.cql'),
    'CREATE TABLE right_a (id int PRIMARY KEY); CREATE TABLE right_b (id int PRIMARY KEY);',
  );
  await migrate(again({ schemaDir }));
  assert.deepEqual(await recorded('0104_wrong.cql'), { state: 'applied', done: 2 });
});

test('a service role reads and writes only its own keyspace, and can neither create nor truncate tables', async () => {
  const { keyspacePrefix: prefix, passwords, contactPoints } = store;
  const cart = await connectAs(contactPoints, { username: `${prefix}cart`, password: passwords.cart });
  try {
    await cart.execute(`SELECT * FROM ${prefix}cart.carts LIMIT 1`);
    await cart.execute(`UPDATE ${prefix}cart.carts SET version = 1 WHERE cart_id = uuid() IF version = 0`);
    const refused = [
      `SELECT * FROM ${prefix}users.credentials LIMIT 1`,
      `INSERT INTO ${prefix}product.skus (sku) VALUES ('x')`,
      `CREATE TABLE ${prefix}cart.mine (id int PRIMARY KEY)`,
      `ALTER TABLE ${prefix}cart.carts ADD mine int`,
      `DROP TABLE ${prefix}cart.carts`,
      `TRUNCATE ${prefix}cart.carts`,
      `DROP KEYSPACE ${prefix}cart`,
      `GRANT SELECT ON KEYSPACE ${prefix}users TO ${prefix}cart`,
      'SELECT * FROM system_auth.roles',
    ];
    for (const statement of refused) {
      await assert.rejects(
        cart.execute(statement, [], { prepare: false }),
        /permission|not allowed|not authorized/i,
        statement,
      );
    }
  } finally {
    await cart.shutdown();
  }
});

test('the audit role reads every keyspace and writes to none', async () => {
  const { keyspacePrefix: prefix, passwords, contactPoints } = store;
  const audit = await connectAs(contactPoints, { username: `${prefix}audit`, password: passwords.audit });
  try {
    for (const table of ['product.products', 'cart.carts', 'orders.orders', 'users.users']) {
      await audit.execute(`SELECT * FROM ${prefix}${table} LIMIT 1`);
    }
    await audit.execute(`SELECT * FROM ${prefix}orders.orders WHERE seq = 1 LIMIT 1 ALLOW FILTERING`);
    await assert.rejects(audit.execute(`INSERT INTO ${prefix}product.skus (sku) VALUES ('x')`), /permission/i);
  } finally {
    await audit.shutdown();
  }
});

/** Why the account can't sign in; fails if it can. */
async function refusalOf(account: Admin): Promise<string> {
  let client: Client;
  try {
    client = await connectAs(store.contactPoints, account);
  } catch (error) {
    assert.ok(error instanceof errors.NoHostAvailableError, String(error));
    return Object.values(error.innerErrors).join();
  }
  await client.shutdown();
  assert.fail(`${account.username} can sign in`);
}

test('a changed password replaces the old one at once', async () => {
  const account = { username: `${store.keyspacePrefix}users`, password: store.passwords.users };
  const replaced = { ...account, password: newPassword() };
  await (await connectAs(store.contactPoints, account)).shutdown();
  const steps: string[] = [];
  const passwords = { ...store.passwords, users: replaced.password };
  await migrate(again({ passwords, onStep: (step) => steps.push(step) }));
  assert.deepEqual(steps, [`role ${account.username}: password`]);
  assert.match(await refusalOf(account), /incorrect/);
  await (await connectAs(store.contactPoints, replaced)).shutdown();
});

test('the default account is refused', async () => {
  assert.match(await refusalOf({ username: 'cassandra', password: 'cassandra' }), /not permitted to log in/);
});
