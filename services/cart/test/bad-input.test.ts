// Integration: bad input is refused naming the field, is never a 500, and changes nothing.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import request from 'supertest';
import { serviceToken, userToken } from '../../local/test-support/service-config.ts';
import { openStore, type Store, shopper } from './support/store.ts';

interface BadInput {
  readonly name: string;
  readonly method: 'get' | 'post' | 'put' | 'delete';
  readonly path: string;
  readonly body?: string | undefined;
  readonly type?: string;
  readonly status: number;
  readonly code: string;
  readonly pointer?: string | undefined;
}

const items = '/api/v1/cart/items';
const userId = crypto.randomUUID();
const lamp = crypto.randomUUID();
const order = crypto.randomUUID();

/** Invalid quantities, as JSON text. */
const badQuantities = (least: number) => [
  String(least - 1),
  '-1',
  '-999',
  '1000',
  '2147483648',
  '9007199254740993',
  '1e400',
  '1.5',
  '0.999999',
  '"2"',
  '""',
  'null',
  'true',
  '[]',
  '[2]',
  '{}',
  '{"$gt":0}',
];
const badIds = [
  '""',
  '"x"',
  '0',
  'null',
  'true',
  '[]',
  '{}',
  `["${lamp}"]`,
  `"${lamp} "`,
  `"{${lamp}}"`,
  `"urn:uuid:${lamp}"`,
  `"${lamp.replaceAll('-', '')}"`,
  `"${lamp}0"`,
  `"${lamp.slice(0, -1)}g"`,
  `"${lamp}\\u0000"`,
  '"\' OR 1=1 --"',
  `"${'a'.repeat(5000)}"`,
];
const strangers = ['price', 'unitPrice', 'total', 'userId', 'cartId', 'version', 'role', 'currency', 'orderId', ''];

const broken = (facts: Omit<BadInput, 'status' | 'code'>): BadInput => ({
  status: 400,
  code: 'validation_failed',
  ...facts,
});
const post = (name: string, body: string, pointer: string) =>
  broken({ name: `POST items, ${name}`, method: 'post', path: items, body, pointer });
const put = (name: string, body: string, pointer: string) =>
  broken({ name: `PUT item, ${name}`, method: 'put', path: `${items}/${lamp}`, body, pointer });
const internal = (name: string, path: string, body: string, pointer: string) =>
  ['take', 'restore'].map((operation) =>
    broken({ name: `${operation}, ${name}`, method: 'post', path: `${path}/${operation}`, body, pointer }),
  );

const badInputs: BadInput[] = [
  ...badQuantities(1).map((text) =>
    post(`quantity ${text}`, `{"productId":"${lamp}","quantity":${text}}`, '/quantity'),
  ),
  post('no quantity', `{"productId":"${lamp}"}`, '/quantity'),
  ...badIds.map((text) => post(`productId ${text.slice(0, 60)}`, `{"productId":${text},"quantity":1}`, '/productId')),
  post('no productId', '{"quantity":1}', '/productId'),
  post('empty', '{}', '/productId'),
  ...strangers.map((name) => post(`a field "${name}"`, `{"productId":"${lamp}","quantity":1,"${name}":1}`, `/${name}`)),
  post('a list', '[]', ''),
  post('__proto__', `{"productId":"${lamp}","quantity":1,"__proto__":{"quantity":2}}`, '/__proto__'),
  post('constructor', `{"productId":"${lamp}","quantity":1,"constructor":{}}`, '/constructor'),
  broken({ name: 'POST items, a parameter', method: 'post', path: `${items}?q=1`, pointer: '/q', body: goodItem() }),

  ...badQuantities(0).map((text) => put(`quantity ${text}`, `{"quantity":${text}}`, '/quantity')),
  put('no quantity', '{}', '/quantity'),
  ...strangers.map((name) => put(`a field "${name}"`, `{"quantity":1,"${name}":1}`, `/${name}`)),
  put('productId in the body', `{"quantity":1,"productId":"${lamp}"}`, '/productId'),
  ...['x', '0', 'null', `${lamp}0`, `%7B${lamp}%7D`, '%00', '..%2f', '__proto__', "'%20OR%201=1"].flatMap((id) => [
    broken({
      name: `PUT ${id}`,
      method: 'put',
      path: `${items}/${id}`,
      body: '{"quantity":1}',
      pointer: '/productId',
    }),
    broken({ name: `DELETE ${id}`, method: 'delete', path: `${items}/${id}`, pointer: '/productId' }),
  ]),

  broken({ name: 'GET, a parameter', method: 'get', path: '/api/v1/cart?limit=1', pointer: '/limit' }),
  broken({ name: 'DELETE cart, a parameter', method: 'delete', path: '/api/v1/cart?userId=x', pointer: '/userId' }),
  broken({ name: 'POST cart, a parameter', method: 'post', path: '/api/v1/cart?x=1&x=2', pointer: '/x' }),

  ...internal('orderId is no UUID', `/internal/carts/${userId}`, '{"orderId":"x"}', '/orderId'),
  ...internal('no orderId', `/internal/carts/${userId}`, '{}', '/orderId'),
  ...internal('lines', `/internal/carts/${userId}`, `{"orderId":"${order}","lines":[]}`, '/lines'),
  ...internal('userId is no UUID', '/internal/carts/me', `{"orderId":"${order}"}`, '/userId'),

  { ...post('half a body', '{"productId":', ''), code: 'malformed_json' },
  { ...post('NaN', `{"productId":"${lamp}","quantity":NaN}`, ''), code: 'malformed_json' },
  post('no body', '', ''),
  post('a text', '"x"', ''),
  post('null', 'null', ''),
  { ...post('nested deep', `{"productId":${'['.repeat(40)}${']'.repeat(40)}}`, `/productId${'/0'.repeat(31)}`) },
  {
    ...post('64 kB', `{"productId":"${'a'.repeat(70_000)}"}`, ''),
    status: 413,
    code: 'payload_too_large',
    pointer: undefined,
  },
  ...['text/plain', 'application/x-www-form-urlencoded', 'text/json', 'application/jsonx'].map((type) => ({
    ...post(type, goodItem(), ''),
    type,
    status: 415,
    code: 'unsupported_media_type',
    pointer: undefined,
  })),
  {
    ...put('PATCH-like verb', '{}', ''),
    name: 'POST item',
    method: 'post',
    status: 405,
    code: 'method_not_allowed',
    pointer: undefined,
  },
  { ...broken({ name: 'a slash at the end', method: 'get', path: '/api/v1/cart/' }), status: 404, code: 'not_found' },
  { ...broken({ name: 'in capitals', method: 'get', path: '/API/v1/cart' }), status: 404, code: 'not_found' },
];

describe('bad input', () => {
  let store: Store;
  let unchanged: unknown;
  const ann = () => shopper(store.replicas[0], userId);

  before(async () => {
    store = await openStore();
    store.product.offer({ id: lamp, available: 5000 });
    await ann().add(lamp, 3).expect(201);
    unchanged = (await ann().getCart().expect(200)).body;
  });
  after(() => store.close());

  for (const { name, method, path, body, type = 'application/json', status, code, pointer } of badInputs) {
    it(`${name}: ${status} ${code} ${pointer ?? ''}`, async () => {
      const call = request(store.replicas[0].app)
        [method](path)
        .set('authorization', `Bearer ${tokenFor(path)}`);
      const answer = await (body === undefined ? call : call.set('content-type', type).send(body));

      assert.equal(answer.status, status, answer.text);
      assert.equal(answer.headers['content-type'], 'application/problem+json');
      assert.equal(answer.body.code, code);
      if (pointer === undefined) return;
      const pointers = answer.body.errors.map((error: { pointer: string }) => error.pointer);
      assert.ok(pointers.includes(pointer), `${pointer} is not among ${pointers}`);
    });
  }

  it('has changed nothing at the end', async () => {
    assert.deepEqual((await ann().getCart().expect(200)).body, unchanged);
  });
});

function tokenFor(path: string): string {
  if (!path.startsWith('/internal/')) return userToken({ userId });
  return serviceToken('order', 'cart', `carts:${path.split('/').at(-1)}`);
}

function goodItem(): string {
  return `{"productId":"${lamp}","quantity":1}`;
}
