// Integration: invalid input gets an answer that names the field, never a 500, and places or changes nothing.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import supertest from 'supertest';
import { type CheckoutStores, startCheckoutStores } from '../../local/test-support/checkout-stores.ts';
import { userToken } from '../../local/test-support/service-config.ts';
import { ADDRESS, newShopper, type Shopper } from './support/shopper.ts';

interface BadInput {
  readonly method: 'get' | 'post';
  readonly path: string;
  readonly body?: string;
  readonly type?: string;
  readonly status?: number;
  readonly code?: string;
  readonly pointer?: string;
}

const ORDERS = '/api/v1/orders';
const strangers = ['items', 'lines', 'total', 'price', 'userId', 'status', 'version', 'role', 'currency', 'id', ''];

const place = (body: string, pointer: string): BadInput => ({ method: 'post', path: ORDERS, body, pointer });
const address = (facts: object, pointer: string): BadInput =>
  place(JSON.stringify({ shippingAddress: { ...ADDRESS, ...facts } }), `/shippingAddress/${pointer}`);
const expecting = (total: string, pointer: string): BadInput =>
  place(`{"shippingAddress":${JSON.stringify(ADDRESS)},"expectedTotal":${total}}`, `/expectedTotal${pointer}`);
const get = (path: string, pointer: string, code?: string): BadInput => ({
  method: 'get',
  path,
  pointer,
  ...(code && { code }),
});

const badInputs: BadInput[] = [
  place('{}', '/shippingAddress'),
  ...['null', '"x"', '7', 'true', '[]'].map((text) => place(`{"shippingAddress":${text}}`, '/shippingAddress')),
  ...['name', 'line1', 'city', 'postalCode', 'country'].flatMap((field) =>
    [undefined, null, '', '   ', 7, true, [], {}, 'two\nlines', 'a\u0000b', 'x'.repeat(201)].map((value) =>
      address({ [field]: value }, field),
    ),
  ),
  ...['', null, 7, 'x'.repeat(201)].map((line2) => address({ line2 }, 'line2')),
  ...['USA', 'us', 'U1', '🇬🇧'].map((country) => address({ country }, 'country')),
  ...strangers.map((name) => address({ [name]: 1 }, name)),
  ...strangers.map((name) => place(JSON.stringify({ shippingAddress: ADDRESS, [name]: 1 }), `/${name}`)),
  place(`{"shippingAddress":${JSON.stringify(ADDRESS)},"__proto__":{}}`, '/__proto__'),
  place(`{"shippingAddress":${JSON.stringify(ADDRESS)},"constructor":{}}`, '/constructor'),
  ...['-1', '1.5', '"1"', 'null', '1e400', '9007199254740993'].map((amount) =>
    expecting(`{"amount":${amount},"currency":"USD"}`, '/amount'),
  ),
  ...['"usd"', '"EUR"', '""', 'null', '1'].map((currency) =>
    expecting(`{"amount":1,"currency":${currency}}`, '/currency'),
  ),
  expecting('{"amount":1}', '/currency'),
  expecting('{"currency":"USD"}', '/amount'),
  expecting('5', ''),
  place('[]', ''),
  { method: 'post', path: `${ORDERS}?dry=1`, body: JSON.stringify({ shippingAddress: ADDRESS }), pointer: '/dry' },
  { method: 'post', path: ORDERS, body: '{"shippingAddress":', code: 'malformed_json' },
  { method: 'post', path: ORDERS, body: 'null', code: 'validation_failed' },
  { method: 'post', path: ORDERS, body: `{"a":"${'a'.repeat(70_000)}"}`, status: 413, code: 'payload_too_large' },
  { method: 'post', path: ORDERS, body: '{}', type: 'text/plain', status: 415, code: 'unsupported_media_type' },
  ...['0', '-1', 'x', '1.5', ''].map((limit) => get(`${ORDERS}?limit=${limit}`, '/limit')),
  ...['gone', 'CONFIRMED', ''].map((status) => get(`${ORDERS}?status=${status}`, '/status')),
  get(`${ORDERS}?status=pending&status=confirmed`, '/status'),
  get(`${ORDERS}?userId=x`, '/userId'),
  ...['x', 'a.b', '..%2f', '%F0%9F%98%80'].map((cursor) => ({
    method: 'get' as const,
    path: `${ORDERS}?cursor=${cursor}`,
    code: 'invalid_cursor',
  })),
  ...['x', '0', 'null', `${randomUUID()}0`, '%00', '__proto__', "'%20OR%201=1"].flatMap((id) => [
    get(`${ORDERS}/${id}`, '/id'),
    { method: 'post' as const, path: `${ORDERS}/${id}/cancellation`, pointer: '/id' },
  ]),
  { method: 'post', path: `${ORDERS}/${randomUUID()}`, status: 405, code: 'method_not_allowed' },
  { method: 'get', path: `${ORDERS}/`, status: 404, code: 'not_found' },
];

let stores: CheckoutStores;
let shopper: Shopper;

before(async () => {
  stores = await startCheckoutStores();
  shopper = newShopper(stores);
  await shopper.add(await stores.createProduct(10), 3);
});
after(() => stores.stop());

test(`${badInputs.length} bad inputs: each gets its 4xx naming the field, and none places an order`, async () => {
  for (const input of badInputs) {
    const { method, path, body, type = 'application/json', pointer } = input;
    const { status = 400, code = 'validation_failed' } = input;
    const what = `${method} ${path} ${body?.slice(0, 200) ?? ''}`;
    const call = supertest(stores.urls.order)
      [method](path)
      .set({ authorization: `Bearer ${userToken({ userId: shopper.userId })}`, 'idempotency-key': randomUUID() });
    const answer = await (body === undefined ? call : call.set('content-type', type).send(body));
    assert.deepEqual([answer.status, answer.body.code], [status, code], `${what}: ${answer.text}`);
    assert.equal(answer.headers['content-type'], 'application/problem+json', what);
    if (pointer === undefined) continue;
    const pointers = answer.body.errors.map((error: { pointer: string }) => error.pointer);
    assert.ok(pointers.includes(pointer), `${what}: ${pointer} is not among ${pointers}`);
  }
  assert.deepEqual((await shopper.get(ORDERS).expect(200)).body.data, []);
  assert.equal((await shopper.cart()).itemCount, 3);
});
