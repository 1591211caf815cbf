import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import request from 'supertest';
import { SERVICE_NAMES } from '#platform/service-names.ts';
import type { TestProduct } from '../../local/test-support/catalogue.ts';
import { serviceToken, userToken } from '../../local/test-support/service-config.ts';
import { newOrderId, openShop, queriesOf, type Shop } from './support/shop.ts';

const PAGE = '/api/v1/products';
const MISSING = '0b6f9f2c-6c1c-5d6e-9a57-3f1f6c1d7c11';

let shop: Shop;
let product: TestProduct;

before(async () => {
  shop = await openShop({ categories: ['home/lighting/lamps', 'things'] });
  product = await shop.catalogue.addProduct({
    category: 'lamps',
    name: 'Tall lamp',
    stock: 7,
    attributes: { Colour: 'Red' },
  });
});

after(() => shop.close());

const get = (path: string) => request(shop.service.app).get(path);

describe('a product page', () => {
  test('shows the product as it is now, and is one query', async () => {
    const expected = {
      id: product.id,
      sku: product.sku,
      name: 'Tall lamp',
      description: product.description,
      brand: product.brand,
      category: { slug: 'lamps', name: 'Lamps' },
      price: { amount: 1999, currency: 'USD' },
      images: product.images,
      attributes: { Colour: 'Red' },
      stock: { available: 7, inStock: true },
      version: 1,
      createdAt: product.createdAt.toISOString(),
      updatedAt: product.createdAt.toISOString(),
    };
    const queries = await queriesOf(shop.service, async () => {
      const { body, headers } = await get(`${PAGE}/${product.id}`).expect(200);
      assert.deepEqual(body, expected);
      assert.equal(headers.etag, '"1.7"');
      assert.equal(headers['cache-control'], 'public, max-age=0');
      assert.equal(headers['x-accel-expires'], '@1');
      assert.match(headers['content-type'] ?? '', /^application\/json/);
    });
    assert.deepEqual(queries, { 'product.find': 1 });
  });

  test('is 304 for its own tag, weak or in a list, and complete again when its stock has changed', async () => {
    const { id } = await shop.catalogue.addProduct({ stock: 7 });
    for (const tag of ['"1.7"', 'W/"1.7"', '"0.1", W/"1.7"', '*']) {
      const { status, text, headers } = await get(`${PAGE}/${id}`).set('if-none-match', tag);
      assert.equal(status, 304, tag);
      assert.equal(text, '');
      assert.equal(headers.etag, '"1.7"');
    }
    for (const tag of ['"1.6"', '1.7', '"2.7"', '']) await get(`${PAGE}/${id}`).set('if-none-match', tag).expect(200);
    const [orderId, lines] = [newOrderId(), [{ productId: id, quantity: 7 }]];
    await shop.step('hold', orderId, lines);
    const { body, headers } = await get(`${PAGE}/${id}`).set('if-none-match', '"1.7"').expect(200);
    assert.deepEqual(body.stock, { available: 0, inStock: false });
    assert.equal(headers.etag, '"1.0"');
  });

  test('accepts an id in capitals, and is 404 for one that is unknown, deleted or only had an order', async () => {
    await get(`${PAGE}/${product.id.toUpperCase()}`).expect(200);
    const deleted = await shop.catalogue.addProduct();
    await shop.change(deleted.id, { deleted: true });
    const onlyOrdered = newOrderId();
    await shop.step('hold', newOrderId(), [{ productId: onlyOrdered, quantity: 1 }]);
    for (const id of [MISSING, '11111111-1111-1111-1111-111111111111', deleted.id, onlyOrdered]) {
      const { body, headers } = await get(`${PAGE}/${id}`).expect(404);
      assert.equal(body.code, 'product_not_found');
      assert.equal(headers['content-type'], 'application/problem+json');
      assert.equal(body.instance, `${PAGE}/${id}`);
      assert.equal(body.requestId, headers['x-request-id']);
    }
  });

  test('is 400 for anything but an id, and for a parameter', async () => {
    for (const id of ['1', 'x', `${MISSING}0`, '%00', "'", '..%2f..']) {
      const { status, body } = await get(`${PAGE}/${id}`);
      assert.equal(`${status} ${body.code}`, '400 validation_failed', id);
    }
    const { body } = await get(`${PAGE}/${product.id}?fields=name`).expect(400);
    assert.deepEqual(body.errors, [{ pointer: '/fields', detail: 'Unknown parameter.' }]);
  });

  test('ignores an invalid or expired token: it is public', async () => {
    for (const header of ['Bearer x.y.z', 'Basic eA==', `Bearer ${userToken()}`]) {
      await get(`${PAGE}/${product.id}`).set('authorization', header).expect(200);
    }
  });
});

describe('the category tree', () => {
  test('nests every category under its parent', async () => {
    const { body, headers } = await get('/api/v1/categories').expect(200);
    assert.match(headers['cache-control'] ?? '', /^public/);
    assert.deepEqual(body, {
      data: [
        {
          slug: 'home',
          name: 'Home',
          path: 'home',
          version: 1,
          children: [
            {
              slug: 'lighting',
              name: 'Lighting',
              path: 'home/lighting',
              version: 1,
              children: [{ slug: 'lamps', name: 'Lamps', path: 'home/lighting/lamps', version: 1, children: [] }],
            },
          ],
        },
        { slug: 'things', name: 'Things', path: 'things', version: 1, children: [] },
      ],
    });
  });

  test('needs no query: the service has it in memory', async () => {
    assert.deepEqual(await queriesOf(shop.service, () => get('/api/v1/categories')), {});
  });
});

describe('over HTTP', () => {
  test('an unknown path is 404, however similar it is to a known one', async () => {
    for (const path of [
      '/api/v1/nothing',
      '/api/v1/products/',
      '/API/v1/products',
      '/api/v1//products',
      '/internal',
      '/api/v2/products',
    ]) {
      const { status, body } = await get(path);
      assert.equal(`${status} ${body.code}`, '404 not_found', path);
    }
  });

  test('any other method is 405 and names those that are allowed', async () => {
    const { app } = shop.service;
    for (const [path, allow, method = 'put'] of [
      [PAGE, 'GET, POST, HEAD, OPTIONS'],
      [`${PAGE}/${MISSING}`, 'GET, PATCH, DELETE, HEAD, OPTIONS'],
      ['/api/v1/categories', 'GET, POST, HEAD, OPTIONS'],
      [`/internal/reservations/${MISSING}`, 'PUT, OPTIONS', 'delete'],
      [`/internal/reservations/${MISSING}/commit`, 'POST, OPTIONS'],
      ['/internal/products/batch', 'POST, OPTIONS'],
    ] as const) {
      const { status, body, headers } = await request(app)[method](path);
      assert.equal(`${status} ${body.code}`, '405 method_not_allowed', path);
      assert.equal(headers.allow, allow);
    }
    assert.equal((await request(app).head(PAGE)).status, 200);
  });

  const bad: [name: string, type: string, body: string | Buffer, status: number, code: string][] = [
    ['no JSON type', 'text/plain', '{}', 415, 'unsupported_media_type'],
    ['a form', 'application/x-www-form-urlencoded', 'ids=1', 415, 'unsupported_media_type'],
    ['broken JSON', 'application/json', '{"ids":', 400, 'malformed_json'],
    ['no object', 'application/json', '"text"', 400, 'validation_failed'],
    ['a list', 'application/json', '[]', 400, 'validation_failed'],
    ['nothing', 'application/json', '', 400, 'validation_failed'],
    ['an unknown field', 'application/json', `{"ids":["${MISSING}"],"more":1}`, 400, 'validation_failed'],
    ['no ids', 'application/json', '{"ids":[]}', 400, 'validation_failed'],
    ['bad ids', 'application/json', '{"ids":["x"]}', 400, 'validation_failed'],
    ['101 ids', 'application/json', JSON.stringify({ ids: Array(101).fill(MISSING) }), 400, 'validation_failed'],
    ['__proto__', 'application/json', '{"__proto__":{"admin":true}}', 400, 'validation_failed'],
    ['constructor deep down', 'application/json', '{"ids":[{"constructor":1}]}', 400, 'validation_failed'],
    ['33 levels', 'application/json', `${'{"a":'.repeat(33)}1${'}'.repeat(33)}`, 400, 'validation_failed'],
    ['10,000 levels', 'application/json', `${'['.repeat(10_000)}${']'.repeat(10_000)}`, 400, 'validation_failed'],
    ['over 64 kB', 'application/json', JSON.stringify({ ids: ['x'.repeat(66_000)] }), 413, 'payload_too_large'],
    ['another charset', 'application/json; charset=latin1', '{}', 415, 'unsupported_media_type'],
  ];
  for (const [name, type, body, status, code] of bad) {
    test(`a body with ${name} is ${status}`, async () => {
      const answer = await request(shop.service.app)
        .post('/internal/products/batch')
        .set('authorization', `Bearer ${serviceToken('cart', 'product', 'products:read')}`)
        .set('content-type', type)
        .send(body);
      assert.equal(`${answer.status} ${answer.body.code}`, `${status} ${code}`);
      assert.equal(answer.headers['content-type'], 'application/problem+json');
      if (status === 400) assert.ok(answer.body.errors.length > 0, 'the field is named');
    });
  }

  test('invalid lines of a reservation are 400 and named, and change nothing', async () => {
    const token = serviceToken('order', 'product', 'reservations:write');
    const line = { productId: product.id, quantity: 1 };
    const before = await shop.readOperations(product.id);
    for (const [lines, pointer] of [
      [[], '/lines'],
      [[line, line], '/lines'],
      [[{ ...line, quantity: 0 }], '/lines/0/quantity'],
      [[{ ...line, quantity: 1.5 }], '/lines/0/quantity'],
      [[{ ...line, quantity: 1000 }], '/lines/0/quantity'],
      [[{ ...line, quantity: '1' }], '/lines/0/quantity'],
      [[{ ...line, price: 1 }], '/lines/0/price'],
      [[{ quantity: 1, productId: 'x' }], '/lines/0/productId'],
      [Array.from({ length: 101 }, () => ({ productId: newOrderId(), quantity: 1 })), '/lines'],
    ] as const) {
      const { body } = await request(shop.service.app)
        .put(`/internal/reservations/${newOrderId()}`)
        .set('authorization', `Bearer ${token}`)
        .send({ lines })
        .expect(400);
      assert.deepEqual(
        body.errors.map((error: { pointer: string }) => error.pointer),
        [pointer],
      );
    }
    const { body } = await request(shop.service.app)
      .put('/internal/reservations/x')
      .set('authorization', `Bearer ${token}`)
      .send({ lines: [line] })
      .expect(400);
    assert.equal(body.errors[0].pointer, '/orderId');
    assert.deepEqual(await shop.readOperations(product.id), before);
  });
});

describe('the internal routes', () => {
  const routes = [
    ['post', '/internal/products/batch', 'products:read', ['cart', 'order'], { ids: [MISSING] }],
    ...['', '/commit', '/release', '/return'].map(
      (step) =>
        [
          step ? 'post' : 'put',
          `/internal/reservations/${MISSING}${step}`,
          'reservations:write',
          ['order'],
          { lines: [{ productId: MISSING, quantity: 1 }] },
        ] as const,
    ),
  ] as const;

  for (const [method, path, scope, allowed, body] of routes) {
    test(`${method} ${path.replace(MISSING, '{id}')} is for ${allowed.join(' and ')} alone`, async () => {
      const ask = async (authorization?: string) => {
        const call = request(shop.service.app)[method](path).send(body);
        return authorization === undefined ? call : call.set('authorization', authorization);
      };
      const unauthorized = [
        undefined,
        '',
        'Bearer',
        'Bearer x',
        `Basic ${serviceToken(allowed[0], 'product', scope)}`,
        `Bearer ${userToken()}`,
        `Bearer ${userToken({ role: 'admin' })}`,
        `Bearer ${serviceToken(allowed[0], 'cart', scope)}`,
      ];
      for (const header of unauthorized) {
        const { status, headers, body: problem } = await ask(header);
        assert.equal(`${status} ${problem.code}`, '401 unauthorized', header);
        assert.equal(headers['www-authenticate'], 'Bearer');
      }
      for (const service of SERVICE_NAMES) {
        const { status } = await ask(`Bearer ${serviceToken(service, 'product', scope)}`);
        if ((allowed as readonly string[]).includes(service))
          assert.ok([200, 409].includes(status), `${service}: ${status}`);
        else assert.equal(status, 403, service);
      }
      const { status, body: problem } = await ask(`Bearer ${serviceToken(allowed[0], 'product', 'something:else')}`);
      assert.equal(`${status} ${problem.code}`, '403 forbidden');
    });
  }

  test('offers: today’s price and stock of what can be bought, in one query', async () => {
    const deleted = await shop.catalogue.addProduct();
    await shop.change(deleted.id, { deleted: true });
    const soldOut = await shop.catalogue.addProduct({ stock: 0, images: [] });
    const queries = await queriesOf(shop.service, async () => {
      const { body } = await request(shop.service.app)
        .post('/internal/products/batch')
        .set('authorization', `Bearer ${serviceToken('cart', 'product', 'products:read')}`)
        .send({ ids: [MISSING, soldOut.id, deleted.id, product.id, product.id.toUpperCase()] })
        .expect(200);
      const offerOf = (offered: TestProduct, image: string | null) => ({
        id: offered.id,
        sku: offered.sku,
        name: offered.name,
        image,
        price: { amount: offered.priceMinor, currency: 'USD' },
        available: offered.stock,
      });
      const bySku = (left: { sku: string }, right: { sku: string }) => (left.sku < right.sku ? -1 : 1);
      assert.deepEqual(
        body.data.toSorted(bySku),
        [offerOf(product, product.images[0] as string), offerOf(soldOut, null)].toSorted(bySku),
      );
    });
    assert.deepEqual(queries, { 'product.list_offers': 1 });
  });
});

test('metrics name routes and statements by their patterns, never by an id', async () => {
  await get(`${PAGE}/${product.id}`);
  await get('/api/v1/some/where');
  const { text } = await get('/metrics').expect(200);
  assert.ok(text.includes('path="/api/v1/products/:id"'));
  assert.ok(text.includes('path="unmatched"'));
  assert.ok(!text.includes(product.id) && !text.includes('some/where'));
});
