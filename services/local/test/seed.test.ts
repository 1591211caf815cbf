import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { compare } from 'bcrypt';
import { type Client, types } from 'cassandra-driver';
import type { Database } from '#platform/cassandra/database.ts';
import { createCategoryRepository } from '../../product/src/categories/repository.ts';
import { createProjector } from '../../product/src/listings/projector.ts';
import { createListingRepository } from '../../product/src/listings/repository.ts';
import { HEAD } from '../../product/src/stock/head.ts';
import { createStockRepository } from '../../product/src/stock/repository.ts';
import { seedCatalogue } from '../src/seed/catalogue.ts';
import { type SeedProduct, seedCategories, seedProduct } from '../src/seed/product.ts';
import { DEPARTMENTS } from '../src/seed/taxonomy.ts';
import { SHOPPER_PASSWORD, seedUsers, shopperEmail } from '../src/seed/users.ts';
import { productIdOf } from '../src/seed/writer.ts';
import { accountOf, connectAs, openDatabase, type TestKeyspaces, useKeyspaces } from '../test-support/cassandra.ts';

const COUNT = 20_000;
const TABLES = ['products', 'skus', 'categories', 'listing_by_newest', 'listing_by_price', 'listing_by_name'];

const products = (seed: number, count: number) => Array.from({ length: count }, (_, index) => seedProduct(seed, index));
const digest = (all: readonly SeedProduct[]) => createHash('sha256').update(JSON.stringify(all)).digest('hex');

describe('the products of a seed', () => {
  const catalogue = products(1, COUNT);
  const shelves = new Map(
    DEPARTMENTS.flatMap((department) =>
      department.aisles.flatMap((aisle) => aisle.shelves.map((shelf) => [shelf.slug, { shelf, department }] as const)),
    ),
  );

  test('are the same bytes each time, in whatever order they are generated', () => {
    const backwards = Array.from({ length: COUNT }, (_, index) => seedProduct(1, COUNT - 1 - index)).reverse();
    assert.equal(digest(backwards), digest(catalogue));
    assert.deepEqual(products(1, 50), catalogue.slice(0, 50), 'fewer products are the first ones');
  });

  test('of another seed differ, and have other SKUs', () => {
    const skus = new Set(catalogue.map(({ sku }) => sku));
    const others = products(2, 1000);
    assert.ok(others.every(({ sku }) => !skus.has(sku)));
    const same = others.filter(({ name }, index) => name === catalogue[index]?.name);
    assert.ok(same.length < 50, `${same.length} of 1,000 have the same name at the same place`);
  });

  test('have unique SKUs, ids and names', () => {
    assert.equal(new Set(catalogue.map(({ sku }) => sku)).size, COUNT);
    assert.equal(new Set(catalogue.map(({ sku }) => productIdOf(sku))).size, COUNT);
    assert.equal(new Set(catalogue.map(({ name }) => name)).size, COUNT);
  });

  test('have a name that matches brand and shelf, and a brand of their department', () => {
    const brands = DEPARTMENTS.flatMap((department) => department.brands);
    for (const { name, brand, category } of catalogue) {
      const place = shelves.get(category);
      assert.ok(place, category);
      assert.ok(place.department.brands.includes(brand), `${brand} in ${category}`);
      assert.ok(name.startsWith(`${brand} `), name);
      assert.ok(
        place.shelf.nouns.some((noun) => name.includes(` ${noun}, `)),
        name,
      );
      const others = brands.filter((other) => other !== brand && name.split(/[ ,]+/).includes(other));
      assert.deepEqual(others, [], name);
    }
  });

  test('use all shelves and all brands', () => {
    assert.equal(new Set(catalogue.map(({ category }) => category)).size, shelves.size);
    assert.equal(new Set(catalogue.map(({ brand }) => brand)).size, 80);
  });

  test('have plausible prices, pictures, attributes, ages and stocks', () => {
    for (const { priceMinor, category, images, sku, stock, createdAt, attributes, description } of catalogue) {
      const [lowest, highest] = shelves.get(category)?.shelf.prices ?? [0, 0];
      assert.ok(priceMinor % 100 === 99 && priceMinor >= lowest * 100 - 1 && priceMinor <= highest * 100 - 1, sku);
      assert.ok(images.length >= 1 && images.length <= 4, sku);
      assert.ok(
        images.every((url) => url.startsWith('https://images.example/')),
        sku,
      );
      assert.ok(stock >= 0 && stock <= 500 && Object.keys(attributes).length >= 3 && description.length > 40, sku);
      assert.ok(createdAt >= new Date('2025-01-01') && createdAt < new Date('2026-01-01'), sku);
    }
    const share = (test: (product: SeedProduct) => boolean) => catalogue.filter(test).length / COUNT;
    assert.ok(Math.abs(share(({ stock }) => stock === 0) - 0.03) < 0.005);
    assert.ok(share(({ stock }) => stock >= 20) > 0.85);
  });

  test('200,000 of them still have unique names', () => {
    const names = new Set<string>();
    for (let index = 0; index < 200_000; index += 1) names.add(seedProduct(1, index).name);
    assert.equal(names.size, 200_000);
  });
});

test('the category tree has 60 categories on three levels, each under its parent', () => {
  const categories = seedCategories();
  const paths = new Set(categories.map(({ path }) => path));
  assert.equal(categories.length, 60);
  assert.equal(new Set(categories.map(({ slug }) => slug)).size, 60);
  assert.deepEqual(
    Object.fromEntries(
      Map.groupBy(categories, ({ path }) => path.split('/').length)
        .entries()
        .map(([level, all]) => [level, all.length]),
    ),
    { 1: 7, 2: 16, 3: 37 },
  );
  for (const { slug, path } of categories) {
    assert.match(slug, /^[a-z0-9-]{1,64}$/);
    assert.equal(path.split('/').at(-1), slug);
    assert.ok(!path.includes('/') || paths.has(path.slice(0, path.lastIndexOf('/'))), path);
  }
});

describe('on a real Cassandra', () => {
  let keyspaces: TestKeyspaces;
  let client: Client;
  let database: Database;

  before(async () => {
    keyspaces = await useKeyspaces();
    client = await connectAs(keyspaces.contactPoints, keyspaces.admin, `${keyspaces.keyspacePrefix}product`);
    database = await openDatabase(keyspaces, 'product');
  });

  after(async () => {
    await database.close();
    await client.shutdown();
    await keyspaces.stop();
  });

  async function dump(tables: readonly string[], keyspace = `${keyspaces.keyspacePrefix}product`): Promise<string[]> {
    const dumps = await Promise.all(
      tables.map(async (table) => {
        const { rows } = await client.execute(`SELECT * FROM ${keyspace}.${table}`, [], { fetchSize: 50_000 });
        return rows.map((row) => `${table} ${JSON.stringify(row)}`);
      }),
    );
    return dumps.flat().sort();
  }

  async function stockOf(sku: string) {
    const { rows } = await client.execute(
      'SELECT available, reserved, sold FROM products WHERE product_id = ? AND op_id = ?',
      [productIdOf(sku), HEAD],
    );
    return { available: rows[0]?.available, reserved: rows[0]?.reserved, sold: Number(rows[0]?.sold) };
  }

  const seed = (count: number) => seedCatalogue({ ...accountOf(keyspaces, 'product'), products: count });

  test('seeding again, or more, changes nothing that exists; what the shop has changed stays changed', {
    timeout: 120_000,
  }, async () => {
    const [held, moved, deleted, purged] = [0, 1, 2, 3].map((index) => seedProduct(1, index)) as [
      SeedProduct,
      SeedProduct,
      SeedProduct,
      SeedProduct,
    ];
    // A product deleted so long ago that only its head row is left.
    await client.execute(
      "INSERT INTO products (product_id, op_id, sku, status, version, listing_version, listed_version) VALUES (?, ?, ?, 'deleted', 2, 2, 2) IF NOT EXISTS",
      [productIdOf(purged.sku), HEAD, purged.sku],
    );
    await seed(100);
    const first = await dump(TABLES);
    await seed(100);
    assert.deepEqual(await dump(TABLES), first);

    const stock = createStockRepository(database);
    const line = { productId: productIdOf(held.sku), quantity: 5 };
    const orderId = randomUUID();
    await stock.hold(orderId, line);
    await stock.commit(orderId, line);
    const { findCategory } = createCategoryRepository(database);
    const project = createProjector({ repository: createListingRepository(database), findCategory });
    await client.execute(
      'UPDATE products SET price_minor = 1, price_since = ?, version = 2, listing_version = 2 WHERE product_id = ? AND op_id = ? IF version = 1',
      [new Date(), productIdOf(moved.sku), HEAD],
    );
    await client.execute(
      "UPDATE products SET status = 'deleted', version = 2, listing_version = 2 WHERE product_id = ? AND op_id = ? IF version = 1",
      [productIdOf(deleted.sku), HEAD],
    );
    await client.execute('DELETE FROM skus WHERE sku = ? IF EXISTS', [deleted.sku]);
    await project(productIdOf(moved.sku));
    await project(productIdOf(deleted.sku));
    const changed = await dump(TABLES);
    assert.notDeepEqual(changed, first);

    await seed(100);
    assert.deepEqual(await dump(TABLES), changed);
    assert.deepEqual(await stockOf(held.sku), { available: held.stock - 5, reserved: 0, sold: 5 });

    await seed(150);
    const more = await dump(TABLES);
    assert.deepEqual(
      changed.filter((row) => !more.includes(row)),
      [],
      'everything that existed still exists',
    );
    const count = (table: string) => more.filter((row) => row.startsWith(`${table} `)).length;
    assert.equal(count('skus'), 150 - 2);
    assert.equal(count('products'), 150 * 2, 'a head and a first stock each; one without that, one with a hold');
    assert.equal(count('listing_by_price'), (150 - 2) * 4);
    assert.ok(
      !more.some((row) => row.startsWith('listing_') && row.includes(productIdOf(purged.sku))),
      'no ghost of a deleted product',
    );
  });

  test('a seeded product is complete: nothing is left for the projector, and its stock is the sum of its adjustments', async () => {
    await seed(100);
    const product = seedProduct(1, 9);
    const { findCategory } = createCategoryRepository(database);
    const before = await dump(TABLES);
    await createProjector({ repository: createListingRepository(database), findCategory })(productIdOf(product.sku));
    assert.deepEqual(await dump(TABLES), before);
    const { rows } = await client.execute(
      'SELECT kind, quantity, state FROM products WHERE product_id = ? AND op_id > ?',
      [productIdOf(product.sku), types.Uuid.fromString(HEAD)],
    );
    assert.deepEqual(
      rows.map(({ kind, quantity, state }) => ({ kind, quantity, state })),
      [{ kind: 'adjust', quantity: product.stock, state: 'applied' }],
    );
  });

  test('shoppers can sign in with the shared password; a changed password stays changed', async () => {
    const keyspace = `${keyspaces.keyspacePrefix}users`;
    const seedShoppers = () => seedUsers({ ...accountOf(keyspaces, 'users'), users: 30 });
    const findHash = async (email: string) =>
      (await client.execute(`SELECT password_hash FROM ${keyspace}.credentials WHERE email = ?`, [email]))
        .first()
        ?.get('password_hash');
    await seedShoppers();
    const rows = await dump(['credentials', 'users'], keyspace);
    assert.equal(rows.length, 60);
    const hash = await findHash('shopper-00030@example.com');
    assert.match(hash, /^\$2b\$10\$/);
    assert.ok(await compare(SHOPPER_PASSWORD, hash));

    await client.execute(
      `UPDATE ${keyspace}.credentials SET password_hash = 'another' WHERE email = ? IF password_hash = ?`,
      [shopperEmail(1), hash],
    );
    await seedShoppers();
    assert.equal(await findHash(shopperEmail(1)), 'another');
    assert.equal((await dump(['credentials', 'users'], keyspace)).filter((row) => !rows.includes(row)).length, 1);
  });
});

test('npm run seed has a --help, and refuses in one sentence what it does not understand', async () => {
  const run = (...args: string[]) =>
    promisify(execFile)(process.execPath, ['services/local/src/commands/seed.ts', ...args], {
      cwd: `${import.meta.dirname}/../../..`,
      env: { ...process.env, DATA_DIR: '/nowhere/at/all' },
    }).then(
      ({ stdout }) => ({ code: 0, stdout, stderr: '' }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
  const [help, badNumber, unknown, noStore] = await Promise.all([
    run('--help'),
    run('--products', 'many'),
    run('--fast'),
    run(),
  ]);
  assert.equal(help.code, 0);
  for (const option of ['--products', '--seed', '--users', SHOPPER_PASSWORD])
    assert.ok(help.stdout.includes(option), option);
  for (const [refused, words] of [
    [badNumber, /--products .*, not many/],
    [unknown, /--fast/],
    [noStore, /no store in \/nowhere\/at\/all/],
  ] as const) {
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, words);
    assert.equal(refused.stderr.trim().split('\n').length, 1, refused.stderr);
  }
});
