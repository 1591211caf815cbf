import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import request from 'supertest';
import type { Service } from '#platform/service.ts';
import { eventually } from '../../local/test-support/eventually.ts';
import { userToken } from '../../local/test-support/service-config.ts';
import { type Admin, createAdmin, createPause, newProduct } from './support/admin.ts';
import { openShop, type Shop } from './support/shop.ts';

const TREE = '/api/v1/categories';
/** ms in which every replica has to follow. */
const LAG = 2000;

interface Node {
  readonly slug: string;
  readonly name: string;
  readonly path: string;
  readonly version: number;
  readonly children: readonly Node[];
}

let shop: Shop;
let worker: Service;
let admin: Admin;

before(async () => {
  shop = await openShop({ categories: ['things', 'one/two/three/four'] });
  admin = createAdmin(shop.service);
  worker = await shop.openReplica();
  worker.start();
});

after(() => shop.close());

const newSlug = () => `c-${randomUUID()}`;

async function create(facts: { parent?: string } = {}): Promise<string> {
  const slug = newSlug();
  await admin.createCategory({ slug, name: `Name of ${slug}`, ...facts }).expect(201);
  return slug;
}

async function findNode(slug: string, { app } = worker): Promise<Node | undefined> {
  const { body } = await request(app).get(TREE).expect(200);
  const find = (nodes: readonly Node[]): Node | undefined =>
    nodes.find((node) => node.slug === slug) ?? nodes.map((node) => find(node.children)).find((node) => node);
  return find(body.data);
}

async function activeProductsIn(category: string): Promise<number> {
  const { rows } = await shop.client.execute('SELECT status FROM products WHERE category = ? ALLOW FILTERING', [
    category,
  ]);
  return rows.filter(({ status }) => status === 'active').length;
}

describe('creating', () => {
  test('a category appears in the tree of every replica, below its parent', async () => {
    const parent = await create();
    const slug = newSlug();
    const { body, headers } = await admin.createCategory({ slug, name: 'Lamps & more', parent }).expect(201);
    assert.deepEqual(body, { slug, name: 'Lamps & more', path: `${parent}/${slug}`, version: 1, children: [] });
    assert.equal(headers.etag, '"1"');
    assert.deepEqual(await findNode(slug, shop.service), body);
    await eventually(async () => (await findNode(slug)) !== undefined, Boolean, LAG);
    assert.deepEqual((await findNode(parent))?.children, [body]);
  });

  test('a slug is unique in the whole tree: of ten concurrent requests one creates it', async () => {
    const slug = newSlug();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        createAdmin(index % 2 ? shop.service : worker).createCategory({
          slug,
          name: `By ${index}`,
          ...(index % 3 && { parent: 'things' }),
        }),
      ),
    );
    assert.deepEqual(answers.map(({ status, body }) => `${status} ${body.code ?? ''}`).sort(), [
      '201 ',
      ...Array(9).fill('409 category_exists'),
    ]);
    const winner = answers.find(({ status }) => status === 201);
    await eventually(async () => (await findNode(slug))?.name === winner?.body.name, Boolean, LAG);
  });

  test('a category can’t be its own parent', async () => {
    const { body } = await admin.createCategory({ slug: 'things', name: 'Things', parent: 'things' }).expect(409);
    assert.equal(body.code, 'category_exists');
    const slug = newSlug();
    await admin.createCategory({ slug, name: 'Nowhere', parent: slug }).expect(400);
  });

  test('invalid fields are 400 and named', async () => {
    for (const [facts, pointer] of [
      [{ slug: 'all' }, '/slug'],
      [{ slug: 'Lamps' }, '/slug'],
      [{ slug: '-a' }, '/slug'],
      [{ slug: 'a'.repeat(65) }, '/slug'],
      [{ name: '' }, '/name'],
      [{ parent: 'nowhere' }, '/parent'],
      [{ parent: 'four' }, '/parent'],
      [{ path: 'a/b' }, '/path'],
    ] as const) {
      const { status, body } = await admin.createCategory({ slug: newSlug(), name: 'Lamps', ...facts });
      assert.equal(`${status} ${body.code}`, '400 validation_failed', JSON.stringify(facts));
      assert.equal(body.errors[0].pointer, pointer, JSON.stringify(facts));
    }
    await admin.createCategory({ slug: newSlug(), name: 'On the fourth level', parent: 'three' }).expect(201);
  });
});

describe('renaming', () => {
  test('shows in the tree, on pages and in lists within two seconds, and its path stays', async () => {
    const slug = await create();
    const { body: product } = await admin.createProduct(newProduct({ category: slug })).expect(201);
    const { body, headers } = await admin.renameCategory(slug, '"1"', 'Lights').expect(200);
    assert.deepEqual(body, { slug, name: 'Lights', path: slug, version: 2, children: [] });
    assert.equal(headers.etag, '"2"');
    const page = async () => (await request(worker.app).get(`/api/v1/products/${product.id}`)).body.category.name;
    const list = async () =>
      (await request(worker.app).get('/api/v1/products').query({ category: slug })).body.data[0]?.category.name;
    await eventually(async () => (await page()) === 'Lights' && (await list()) === 'Lights', Boolean, LAG);
    await eventually(async () => (await findNode(slug))?.version === 2, Boolean, LAG);
  });

  test('of two concurrent admins one wins; a missing If-Match is 428, a stale one 412', async () => {
    const slug = await create();
    const answers = await Promise.all(
      [shop.service, worker].map((service, index) => createAdmin(service).renameCategory(slug, '"1"', `By ${index}`)),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 412]);
    await admin.renameCategory(slug, undefined, 'x').expect(428);
    await admin.renameCategory(slug, '"1"', 'x').expect(412);
    await admin.deleteCategory(slug, undefined).expect(428);
    await admin.deleteCategory(slug, '"1"').expect(412);
    await admin.renameCategory('nowhere', '*', 'x').expect(404);
    await admin.renameCategory(slug, 'W/"2"', 'Weak').expect(200);
  });
});

describe('deleting', () => {
  test('removes it from the tree; its slug can be used again, elsewhere too', async () => {
    const slug = await create();
    await admin.deleteCategory(slug, '"1"').expect(204, '');
    assert.equal(await findNode(slug, shop.service), undefined);
    await eventually(async () => (await findNode(slug)) === undefined, Boolean, LAG);
    await admin.deleteCategory(slug, '"1"').expect(404);
    await admin.createProduct(newProduct({ category: slug })).expect(400);
    const { body } = await admin.createCategory({ slug, name: 'Again', parent: 'things' }).expect(201);
    assert.equal(body.path, `things/${slug}`);
    // A replica that still remembers the former path lists the product where it belongs.
    const { body: product } = await createAdmin(worker)
      .createProduct(newProduct({ category: slug }))
      .expect(201);
    const { body: list } = await request(worker.app).get('/api/v1/products').query({ category: 'things' }).expect(200);
    assert.ok(list.data.some(({ id }: { id: string }) => id === product.id));
  });

  test('a category with products or children is in use until the last of them is gone', async () => {
    const parent = await create();
    const slug = await create({ parent });
    for (const tag of ['"1"', '*']) {
      const { body } = await admin.deleteCategory(parent, tag).expect(409);
      assert.equal(body.code, 'category_in_use');
    }
    const { body: stays } = await admin.createProduct(newProduct({ category: slug })).expect(201);
    const { body: goes } = await admin.createProduct(newProduct({ category: slug })).expect(201);
    await admin.deleteCategory(slug, '"1"').expect(409);
    await admin.deleteProduct(goes.id, '"1"').expect(204);
    await admin.deleteCategory(slug, '"1"').expect(409);
    await admin.patchProduct(stays.id, '"1"', { category: 'things' }).expect(200);
    await admin.deleteCategory(slug, '"1"').expect(204);
    await admin.deleteCategory(parent, '"1"').expect(204);
  });

  test('while a product enters it: one of the two is refused', { timeout: 120_000 }, async () => {
    for (let round = 1; round <= 12; round += 1) {
      const slug = await create();
      const { body: wanderer } = await admin.createProduct(newProduct()).expect(201);
      const comesIn =
        round % 2
          ? createAdmin(worker).createProduct(newProduct({ category: slug }))
          : createAdmin(worker).patchProduct(wanderer.id, '"1"', { category: slug });
      const pause = new Promise((resolve) => setTimeout(resolve, round * 3));
      const [came, deleted] = await Promise.all([comesIn, pause.then(() => admin.deleteCategory(slug, '"1"'))]);
      const outcome = `${came.status} ${deleted.status}`;
      const cameIn = came.status < 300;
      assert.ok([200, 201, 400, 503].includes(came.status), outcome);
      assert.ok([204, 409].includes(deleted.status), outcome);
      if (deleted.status === 204) assert.equal(cameIn, false, outcome);
      assert.equal(await activeProductsIn(slug), cameIn ? 1 : 0, outcome);
    }
  });

  test('a product whose process hung before it entered the category doesn’t enter it once it is deleted', async () => {
    const [slug, other] = [await create(), await create()];
    const { body: wanderer } = await admin.createProduct(newProduct()).expect(201);
    const inserting = createPause('product.insert');
    const changing = createPause('product.change');
    const [first, second] = [await shop.openReplica(inserting.change), await shop.openReplica(changing.change)];
    const created = createAdmin(first)
      .createProduct(newProduct({ category: slug }))
      .then((answer) => answer);
    const moved = createAdmin(second)
      .patchProduct(wanderer.id, '"1"', { category: other })
      .then((answer) => answer);
    await Promise.all([inserting.reached, changing.reached]);
    await admin.deleteCategory(slug, '"1"').expect(204);
    await admin.deleteCategory(other, '"1"').expect(204);
    inserting.resume();
    changing.resume();
    assert.equal((await created).status, 503);
    assert.equal(`${(await moved).status} ${(await moved).body.code}`, '400 validation_failed');
    for (const category of [slug, other]) assert.equal(await activeProductsIn(category), 0);
    const { body } = await request(shop.service.app).get(`/api/v1/products/${wanderer.id}`).expect(200);
    assert.deepEqual([body.category.slug, body.version], ['things', 1]);
    await Promise.all([first.stop(), second.stop()]);
  });

  test('while a child is created: one of the two is refused', { timeout: 60_000 }, async () => {
    for (let round = 1; round <= 8; round += 1) {
      const parent = await create();
      const slug = newSlug();
      const [child, deleted] = await Promise.all([
        createAdmin(worker).createCategory({ slug, name: 'Child', parent }),
        admin.deleteCategory(parent, '"1"'),
      ]);
      const outcome = `${child.status} ${deleted.status}`;
      assert.ok(['201 409', '400 204', '503 204', '503 409'].includes(outcome), outcome);
    }
  });

  test('a deletion that was cut off half-way doesn’t block the category for good', { timeout: 60_000 }, async () => {
    const slug = await create();
    const closedAt = (ago: number) =>
      shop.client.execute(
        'UPDATE categories SET closing_at = ? WHERE tree = ? AND slug = ? IF EXISTS',
        [new Date(Date.now() - ago), 'main', slug],
        { prepare: true },
      );
    await closedAt(1000);
    const { body } = await admin.createProduct(newProduct({ category: slug })).expect(503);
    assert.equal(body.code, 'category_contended');
    await closedAt(60_000);
    await admin.createProduct(newProduct({ category: slug })).expect(201);
    await closedAt(60_000);
    await admin.deleteCategory(slug, '"1"').expect(409);
  });
});

test('the tree has a tag that changes with it: If-None-Match gives 304', async () => {
  const tree = () => request(shop.service.app).get(TREE);
  const { headers } = await tree().expect(200);
  const tag = headers.etag as string;
  for (const known of [tag, `W/${tag}`]) await tree().set('if-none-match', known).expect(304);
  await create();
  const changed = await tree().set('if-none-match', tag).expect(200);
  assert.notEqual(changed.headers.etag, tag);
});

test('only admins may change categories; unsupported methods are 405', async () => {
  const { app } = shop.service;
  for (const [method, path] of [
    ['post', TREE],
    ['patch', `${TREE}/things`],
    ['delete', `${TREE}/things`],
  ] as const) {
    await request(app)[method](path).send({}).expect(401);
    await request(app)[method](path).set('authorization', `Bearer ${userToken()}`).send({}).expect(403);
  }
  const { headers } = await request(app).get(`${TREE}/things`).expect(405);
  assert.equal(headers.allow, 'PATCH, DELETE, OPTIONS');
});

test('every change is in the audit log', async () => {
  const slug = await create();
  await admin.createCategory({ slug, name: 'Twice' }).expect(409);
  await admin.renameCategory(slug, '"1"', 'Renamed').expect(200);
  await admin.deleteCategory(slug, '"1"').expect(412);
  await admin.deleteCategory(slug, '"2"').expect(204);
  const lines = await admin.listLines('category', slug);
  assert.deepEqual(
    lines.map(({ action, outcome, code }: Record<string, unknown>) => [action, outcome, code]),
    [
      ['delete', 'done', null],
      ['delete', 'refused', 'precondition_failed'],
      ['update', 'done', null],
      ['create', 'refused', 'category_exists'],
      ['create', 'done', null],
    ],
  );
  assert.deepEqual([lines[2].before, lines[2].after], [{ name: `Name of ${slug}` }, { name: 'Renamed' }]);
});
