import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import request from 'supertest';
import type { Service } from '#platform/service.ts';
import { eventually } from '../../local/test-support/eventually.ts';
import { serviceToken, userToken } from '../../local/test-support/service-config.ts';
import { type Admin, createAdmin, createPause, newProduct } from './support/admin.ts';
import { newOrderId, openShop, type Shop } from './support/shop.ts';

const PAGE = '/api/v1/products';
/** ms after which a change that was cut off is taken up. */
const NOTED_FOR = 6000;
/** ms in which every list has to follow. */
const LAG = 2000;
const LISTS = [{}, { category: 'a' }, { category: 'b' }, { category: 'c' }].flatMap((list) =>
  ['-createdAt', 'price', '-price', 'name'].map((sort) => ({ ...list, sort })),
);

let shop: Shop;
let worker: Service;
let admin: Admin;

before(async () => {
  shop = await openShop({ categories: ['a/b', 'c', 'things'] });
  admin = createAdmin(shop.service);
  worker = await shop.openReplica();
  worker.start();
});

after(() => shop.close());

const read = (id: string, { app } = shop.service) => request(app).get(`${PAGE}/${id}`);

async function create(facts: object = {}) {
  const { body } = await admin.createProduct(newProduct(facts)).expect(201);
  return body;
}

/** Where the product is listed, and how. */
async function listed(brand: string): Promise<{ list: string; row: Record<string, unknown> }[]> {
  const found = await Promise.all(
    LISTS.map(async (list) => {
      const { body } = await request(worker.app)
        .get(PAGE)
        .query({ ...list, brand })
        .expect(200);
      return body.data.map((row: Record<string, unknown>) => ({
        list: `${list.sort} ${'category' in list ? list.category : 'all'}`,
        row,
      }));
    }),
  );
  return found.flat();
}

async function activeProductsOf(sku: string): Promise<string[]> {
  const { rows } = await shop.client.execute('SELECT product_id, status FROM products WHERE sku = ? ALLOW FILTERING', [
    sku,
  ]);
  return rows.filter(({ status }) => status === 'active').map(({ product_id }) => product_id.toString());
}

describe('creating', () => {
  test('the response is the product as it is then read, with Location and ETag; it is in every list of its category', async () => {
    const brand = randomUUID();
    const facts = newProduct({
      brand,
      category: 'b',
      description: 'Two lines.\nOf text.',
      images: ['https://images.example/1.jpg'],
      attributes: { colour: 'black' },
    });
    const { body, headers } = await admin.createProduct(facts).expect(201);
    const { stock, price, ...rest } = facts;
    const { id, version, createdAt, updatedAt, ...shown } = body;
    assert.deepEqual(shown, {
      ...rest,
      price,
      category: { slug: 'b', name: 'B' },
      stock: { available: stock, inStock: true },
    });
    assert.equal(version, 1);
    assert.equal(createdAt, updatedAt);
    assert.equal(headers.location, `${PAGE}/${id}`);
    assert.equal(headers.etag, '"1.5"');
    assert.deepEqual((await read(id).expect(200)).body, body);
    assert.deepEqual(
      (await listed(brand)).map(({ list }) => list),
      ['all', 'a', 'b'].flatMap((list) => ['-createdAt', 'price', '-price', 'name'].map((sort) => `${sort} ${list}`)),
    );
    assert.deepEqual(await shop.readOperations(id), [
      { id: (await shop.readOperations(id))[0]?.id, kind: 'adjust', quantity: 5, state: 'applied' },
    ]);
  });

  test('omitted fields are empty', async () => {
    const body = await create({ stock: 0 });
    assert.deepEqual([body.description, body.brand, body.images, body.attributes], [null, null, [], {}]);
    assert.deepEqual(body.stock, { available: 0, inStock: false });
  });

  test('of 20 concurrent products with one SKU one is created, 19 are sku_taken', { timeout: 60_000 }, async () => {
    const sku = `RACE-${randomUUID()}`;
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        createAdmin(index % 2 === 0 ? shop.service : worker).createProduct(newProduct({ sku })),
      ),
    );
    const outcomes = answers.map(({ status, body }) => `${status} ${body.code ?? ''}`).sort();
    assert.deepEqual(outcomes, ['201 ', ...Array(19).fill('409 sku_taken')]);
    assert.equal((await activeProductsOf(sku)).length, 1);
  });

  test('a deleted product’s SKU can be used again', async () => {
    const first = await create();
    await admin.deleteProduct(first.id, '"1"').expect(204);
    const second = await create({ sku: first.sku });
    assert.deepEqual(await activeProductsOf(first.sku), [second.id]);
    await admin.createProduct(newProduct({ sku: first.sku })).expect(409);
  });

  test('a process that hung between SKU and product, and lost the SKU meanwhile, creates nothing', async () => {
    const sku = `SLOW-${randomUUID()}`;
    const pause = createPause('product.insert');
    const slow = await shop.openReplica(pause.change);
    const late = createAdmin(slow)
      .createProduct(newProduct({ sku }))
      .then((answer) => answer);
    await pause.reached;
    const { body } = await admin.createProduct(newProduct({ sku })).expect(201);
    pause.resume();
    const { status, headers } = await late;
    assert.equal(status, 503);
    assert.ok(headers['retry-after']);
    assert.deepEqual(await activeProductsOf(sku), [body.id]);
    await slow.stop();
  });

  test('invalid fields are 400 and named', async () => {
    for (const [facts, pointer] of [
      [{ sku: undefined }, '/sku'],
      [{ sku: '' }, '/sku'],
      [{ sku: 'a b' }, '/sku'],
      [{ sku: 'x'.repeat(65) }, '/sku'],
      [{ name: ' ' }, '/name'],
      [{ name: 'a\u0000b' }, '/name'],
      [{ description: 'a\u0000b' }, '/description'],
      [{ description: '\n' }, '/description'],
      [{ brand: null }, '/brand'],
      [{ category: 'nowhere' }, '/category'],
      [{ category: 'No Slug' }, '/category'],
      [{ price: { amount: 1, currency: 'EUR' } }, '/price/currency'],
      [{ price: { amount: -1, currency: 'USD' } }, '/price/amount'],
      [{ price: { amount: 1.5, currency: 'USD' } }, '/price/amount'],
      [{ price: 1999 }, '/price'],
      [{ stock: -1 }, '/stock'],
      [{ images: ['javascript:alert(1)'] }, '/images/0'],
      [{ images: ['https://a.example/ b'] }, '/images/0'],
      [{ images: Array(21).fill('https://a.example/') }, '/images'],
      [{ attributes: { colour: 1 } }, '/attributes/colour'],
      [{ attributes: Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`a${index}`, 'x'])) }, '/attributes'],
      [{ version: 7 }, '/version'],
      [{ id: randomUUID() }, '/id'],
      [{ status: 'deleted' }, '/status'],
    ] as const) {
      const { status, body } = await admin.createProduct(newProduct(facts));
      assert.equal(`${status} ${body.code}`, '400 validation_failed', JSON.stringify(facts));
      assert.equal(body.errors[0].pointer, pointer, JSON.stringify(facts));
    }
  });
});

describe('changing', () => {
  test('a merge patch changes the fields it names, null clears them, objects are merged', async () => {
    const before = await create({
      brand: 'Testa',
      description: 'Old.',
      images: ['https://images.example/1.jpg'],
      attributes: { colour: 'black', size: 'L' },
    });
    const patch = { name: 'New', price: { amount: 5 }, brand: null, attributes: { colour: null, weight: '1 kg' } };
    const { body, headers } = await admin
      .patchProduct(before.id, '"1.5"', patch)
      .set('content-type', 'application/merge-patch+json')
      .expect(200);
    const { updatedAt } = body;
    assert.deepEqual(body, {
      ...before,
      name: 'New',
      price: { amount: 5, currency: 'USD' },
      brand: null,
      attributes: { size: 'L', weight: '1 kg' },
      version: 2,
      updatedAt,
    });
    assert.ok(updatedAt >= before.updatedAt);
    assert.equal(headers.etag, '"2.5"');
    assert.deepEqual((await read(before.id).expect(200)).body, body);
    const cleared = await admin
      .patchProduct(before.id, '"2"', { description: null, images: null, attributes: null })
      .expect(200);
    assert.deepEqual([cleared.body.description, cleared.body.images, cleared.body.attributes], [null, [], {}]);
    assert.deepEqual((await read(before.id).expect(200)).body, cleared.body);
  });

  test('a patch that changes nothing makes no new version', async () => {
    const before = await create({ attributes: { a: '1', b: '2' } });
    for (const patch of [{}, { name: before.name }, { attributes: { b: '2' } }, { price: before.price }]) {
      const { body } = await admin.patchProduct(before.id, '"1"', patch).expect(200);
      assert.deepEqual(body, before);
    }
  });

  test('a new name, price, brand and category show in every list, and nothing stays behind', {
    timeout: 60_000,
  }, async () => {
    const [brand, other] = [randomUUID(), randomUUID()];
    const { id } = await create({ brand, category: 'b' });
    const patch = { name: 'Zzz', price: { amount: 1 }, brand: other, category: 'c', images: ['https://a.example/2'] };
    await admin.patchProduct(id, '"1"', patch).expect(200);
    assert.deepEqual(await listed(brand), []);
    const rows = await listed(other);
    assert.deepEqual(
      rows.map(({ list }) => list),
      ['all', 'c'].flatMap((list) => ['-createdAt', 'price', '-price', 'name'].map((sort) => `${sort} ${list}`)),
    );
    for (const { row } of rows) {
      assert.deepEqual([row.name, row.brand, row.images], ['Zzz', other, ['https://a.example/2']]);
      assert.deepEqual(
        [row.category, row.price],
        [
          { slug: 'c', name: 'C' },
          { amount: 1, currency: 'USD' },
        ],
      );
    }
    await admin.patchProduct(id, '"2"', { brand: null }).expect(200);
    assert.deepEqual(await listed(other), []);
    await admin.patchProduct(id, '"3"', { category: 'b', brand }).expect(200);
    assert.equal((await listed(brand)).length, 12);
  });

  test('of two admins who patch concurrently one wins and the other gets 412', { timeout: 60_000 }, async () => {
    for (let round = 1; round <= 5; round += 1) {
      const { id } = await create();
      const answers = await Promise.all(
        [shop.service, worker].map((service, index) =>
          createAdmin(service).patchProduct(id, '"1"', { name: `By ${index}` }),
        ),
      );
      const statuses = answers.map(({ status }) => status);
      assert.deepEqual(statuses.toSorted(), [200, 412]);
      const { body } = await read(id).expect(200);
      assert.equal(body.name, `By ${statuses.indexOf(200)}`);
      assert.equal(body.version, 2);
    }
  });

  test('If-Match is required and names the latest version, whatever has been sold; weak tags, lists and * are accepted', async () => {
    const { id } = await create();
    const without = await admin.patchProduct(id, undefined, { name: 'x' }).expect(428);
    assert.equal(without.body.code, 'precondition_required');
    await admin.deleteProduct(id, undefined).expect(428);
    for (const tag of ['"2"', '"0.5"', '"11"', 'W/"3.1"', '1', '"x"', '""', 'W/1']) {
      const { status, body } = await admin.patchProduct(id, tag, { name: 'x' });
      assert.equal(`${status} ${body.code}`, '412 precondition_failed', tag);
      await admin.deleteProduct(id, tag).expect(412);
    }
    await shop.step('hold', newOrderId(), [{ productId: id, quantity: 2 }]);
    let version = 1;
    for (const toTag of ['"V"', '"V.5"', '"V.99"', 'W/"V.3"', '"x", W/"V.1"', '*']) {
      const tag = toTag.replace('V', String(version));
      const { body } = await admin.patchProduct(id, tag, { name: `By ${version}` }).expect(200);
      version += 1;
      assert.equal(body.version, version);
    }
  });

  test('fields that can’t be changed are 400, missing products 404', async () => {
    const { id } = await create();
    for (const [patch, pointer] of [
      [{ sku: 'OTHER' }, '/sku'],
      [{ stock: 7 }, '/stock'],
      [{ version: 7 }, '/version'],
      [{ name: null }, '/name'],
      [{ price: null }, '/price'],
      [{ price: { currency: 'EUR' } }, '/price/currency'],
      [{ price: { amount: null } }, '/price/amount'],
      [{ category: null }, '/category'],
      [{ category: 'nowhere' }, '/category'],
      [{ attributes: Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`a${index}`, 'x'])) }, '/attributes'],
      [[{ name: 'x' }], ''],
    ] as const) {
      const { status, body } = await admin.patchProduct(id, '*', patch);
      assert.equal(`${status} ${body.code}`, '400 validation_failed', JSON.stringify(patch));
      assert.equal(body.errors[0].pointer, pointer, JSON.stringify(patch));
    }
    await request(shop.service.app)
      .patch(`${PAGE}/${id}`)
      .set({ authorization: `Bearer ${userToken({ role: 'admin' })}`, 'if-match': '*', 'content-type': 'text/plain' })
      .send('{}')
      .expect(415);
    await admin.patchProduct(randomUUID(), '*', { name: 'x' }).expect(404);
    await admin.deleteProduct(randomUUID(), '*').expect(404);
    assert.equal((await read(id)).body.version, 1);
  });

  test('a walk while an admin changes prices skips and repeats nothing', { timeout: 60_000 }, async () => {
    const brand = randomUUID();
    const products = await Promise.all(
      Array.from({ length: 12 }, (_, index) => create({ brand, price: { amount: 100 + index, currency: 'USD' } })),
    );
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const query: object = { sort: 'price', limit: 4, brand, ...(cursor !== null && { cursor }) };
      const { body } = await request(worker.app).get(PAGE).query(query).expect(200);
      seen.push(...body.data.map(({ id }: { id: string }) => id));
      cursor = body.page.nextCursor;
      const first = products.find(({ id }) => id === seen[0]);
      // Moved to the end, behind what the walk has yet to read.
      if (seen.length === 4) await admin.patchProduct(first?.id, '"1"', { price: { amount: 9999 } }).expect(200);
    } while (cursor !== null);
    assert.deepEqual(
      seen,
      products.map(({ id }) => id),
    );
  });
});

describe('deleting', () => {
  test('removes it from every list, its page and the offers', async () => {
    const brand = randomUUID();
    const { id } = await create({ brand, category: 'b' });
    assert.equal((await listed(brand)).length, 12);
    await admin.deleteProduct(id, '"1.5"').expect(204, '');
    assert.deepEqual(await listed(brand), []);
    await read(id).expect(404);
    await read(id, worker).expect(404);
    const { body } = await request(shop.service.app)
      .post('/internal/products/batch')
      .set('authorization', `Bearer ${serviceToken('cart', 'product', 'products:read')}`)
      .send({ ids: [id] })
      .expect(200);
    assert.deepEqual(body.data, []);
    const held = await shop.step('hold', newOrderId(), [{ productId: id, quantity: 1 }]);
    assert.equal(`${held.status} ${held.body.code}`, '409 insufficient_stock');
    for (const answer of [admin.deleteProduct(id, '"1"'), admin.patchProduct(id, '"2"', { name: 'x' })])
      await answer.expect(404);
  });

  test('while a checkout holds it: it is sold to the end, or not at all', { timeout: 60_000 }, async () => {
    for (let round = 1; round <= 10; round += 1) {
      const { id } = await create({ stock: 3 });
      const lines = [{ productId: id, quantity: 3 }];
      const orderId = newOrderId();
      const [held, deleted] = await Promise.all([
        shop.step('hold', orderId, lines),
        createAdmin(worker)
          .deleteProduct(id, '"1"')
          .then(({ status }) => status),
      ]);
      assert.equal(deleted, 204);
      assert.ok([200, 409].includes(held.status), String(held.status));
      if (held.status === 200) {
        assert.equal((await shop.step('commit', orderId, lines)).status, 200);
        assert.deepEqual(await shop.readHead(id), { available: 0, reserved: 0, sold: 3, inStock: true });
      } else {
        assert.deepEqual(await shop.readHead(id), { available: 3, reserved: 0, sold: 0, inStock: true });
      }
    }
  });
});

test('the lists follow within seconds when the process that made the change couldn’t update them', async () => {
  const brand = randomUUID();
  const { id } = await create({ brand });
  const broken = await shop.openReplica((platform) => {
    const { database } = platform;
    const writeTogether = () => Promise.reject(new Error('It ends here.'));
    return { ...platform, database: { ...database, writeTogether } };
  });
  const { status } = await createAdmin(broken).patchProduct(id, '"1"', { name: 'Renamed' });
  assert.equal(status, 500);
  await eventually(
    async () => (await listed(brand)).every(({ row }) => row.name === 'Renamed'),
    Boolean,
    NOTED_FOR + LAG,
  );
  await broken.stop();
});

test('only admins may change products', async () => {
  const { id } = await create();
  const { app } = shop.service;
  for (const [method, path] of [
    ['post', PAGE],
    ['patch', `${PAGE}/${id}`],
    ['delete', `${PAGE}/${id}`],
    ['post', `${PAGE}/${id}/stock-adjustments`],
  ] as const) {
    await request(app)[method](path).send({}).expect(401);
    await request(app)[method](path).set('authorization', `Bearer ${userToken()}`).send({}).expect(403);
  }
});

test('If-None-Match of the product’s tag is 304, weak or not, until it or its stock changes; HEAD and OPTIONS are answered', async () => {
  const { id } = await create();
  for (const tag of ['"1.5"', 'W/"1.5"', '"x", "1.5"', '*']) {
    const { headers, text } = await read(id).set('if-none-match', tag).expect(304);
    assert.equal(headers.etag, '"1.5"');
    assert.match(headers['cache-control'] ?? '', /^public/);
    assert.equal(text, '');
  }
  const head = await request(shop.service.app).head(`${PAGE}/${id}`).expect(200);
  assert.equal(head.headers.etag, '"1.5"');
  assert.equal(head.text, undefined);
  const options = await request(shop.service.app).options(`${PAGE}/${id}`).expect(204);
  assert.equal(options.headers.allow, 'GET, PATCH, DELETE, HEAD, OPTIONS');
  await admin.adjust(id, randomUUID(), { quantity: 1, reason: 'Found' }).expect(200);
  await read(id).set('if-none-match', '"1.5"').expect(200);
});

test('every change is in the audit log: who, what, before and after, and why it was refused', async () => {
  const product = await create({ name: 'Before' });
  const { id } = product;
  await admin.patchProduct(id, '"1"', { name: 'After', brand: 'Neu' }).expect(200);
  await admin.patchProduct(id, '"1"', { name: 'Stale' }).expect(412);
  await admin.deleteProduct(id, '"2"').expect(204);
  const lines = await admin.listLines('product', id);
  assert.deepEqual(
    lines.map(({ action, outcome, code }: Record<string, unknown>) => [action, outcome, code]),
    [
      ['delete', 'done', null],
      ['update', 'refused', 'precondition_failed'],
      ['update', 'done', null],
      ['create', 'done', null],
    ],
  );
  assert.ok(lines.every(({ actor }: { actor: string }) => actor === admin.userId));
  const [deleted, , updated, created] = lines;
  assert.deepEqual(
    [updated.before, updated.after],
    [
      { name: 'Before', brand: null },
      { name: 'After', brand: 'Neu' },
    ],
  );
  assert.equal(created.after.sku, product.sku);
  assert.equal(created.after.stock, 5);
  assert.deepEqual([deleted.before.name, deleted.after], ['After', null]);
});
