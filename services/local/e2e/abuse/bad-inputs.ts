import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Pool } from 'undici';
import type { Answer, Sent } from '../../src/shop-client.ts';
import type { RunningStore } from '../running-store.ts';
import type { Operation, Schema } from './operations.ts';
import { allowedRequest } from './right-requests.ts';
import { byService, type Scene } from './scene.ts';

const LEAST = 500;

/** Each replaces any value in a body. */
const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  Number.MAX_SAFE_INTEGER + 2,
  '',
  ' ',
  'x'.repeat(20_000),
  'a\u0000b',
  '\ud800',
  '🙈'.repeat(40),
  '\u202eevil',
  "'; DROP TABLE products; --",
  '{{7*7}}<script>alert(1)</script>',
  '../../etc/passwd',
  '0',
  'NaN',
  [],
  [null],
  {},
  { $gt: '' },
  { toString: 'x', length: -1 },
];

/** Each replaces a whole body, as text. */
const BODIES: Readonly<Record<string, string | Buffer>> = {
  nothing: '',
  'half an object': '{"name": ',
  'a list': '[]',
  null: 'null',
  'a text': '"text"',
  'a number': '1e400',
  'two objects': '{}{}',
  'with a comment': '{/**/}',
  'with a byte order mark': '\ufeff{}',
  'bytes that are not UTF-8': Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
  NUL: '\u0000',
  __proto__: '{"__proto__": {"role": "admin"}}',
  constructor: '{"constructor": {"prototype": {"role": "admin"}}}',
  'a nested __proto__': '{"a": [{"b": {"__proto__": {}}}]}',
  '33 levels': `${'{"a":'.repeat(33)}1${'}'.repeat(33)}`,
  '10,000 levels': `${'['.repeat(10_000)}${']'.repeat(10_000)}`,
  '10,000 fields': `{${Array.from({ length: 5000 }, (_, index) => `"f${index}":1`).join()}}`,
  'over 64 kB': JSON.stringify({ name: 'x'.repeat(70_000) }),
};

const IDS = [
  'null',
  'undefined',
  '0',
  '-1',
  '1e3',
  '%00',
  '%F0%9F%99%88',
  '%ED%A0%80',
  '%FF',
  '%zz',
  '%',
  '*',
  'x'.repeat(2000),
  '00000000-0000-0000-0000-00000000000',
  '00000000-0000-0000-0000-0000000000000',
  '{7a52d9c4-6c1b-4f0e-9b1c-0d1f2e3a4b5c}',
  '7a52d9c4-6c1b-4f0e-9b1c-0d1f2e3a4b5c%20',
  '7a52d9c4-6c1b-4f0e-9b1c-0d1f2e3a4b5c%0A',
  '__proto__',
  'constructor',
  "'%20OR%201=1--",
];

const QUERIES: readonly string[] = [
  'unknown=1',
  '__proto__=1',
  'constructor=1',
  'limit=0',
  'limit=-1',
  'limit=1.5',
  'limit=NaN',
  'limit=99999999999999999999999',
  'limit=1&limit=2',
  'limit[]=1',
  'limit[a]=1',
  'cursor=',
  'cursor=x',
  `cursor=${'x'.repeat(3000)}`,
  'cursor=%00',
  'cursor=eyJrIjowfQ.AAAAAAAAAAAAAAAAAAAAAA',
  'sort=id',
  'q=lamp',
  'category=%00',
  'minPrice=-1',
  'maxPrice=1e9',
  'inStock=maybe',
  'status=lost',
  'day=2026-02-30',
  'entity=secret',
  'x=%F0%9F%99%88',
  'x=%ED%A0%80',
  'x=%zz',
  `${'p=1&'.repeat(1500)}p=1`,
  Array.from({ length: 1000 }, (_, index) => `p${index}=`).join('&'),
];

const HEADERS: readonly Readonly<Record<string, string>>[] = [
  { 'content-type': 'text/plain' },
  { 'content-type': 'application/json; charset=utf-16' },
  { 'content-type': 'multipart/form-data; boundary=x' },
  { 'content-encoding': 'gzip' },
  { 'content-encoding': 'zstd' },
  { 'idempotency-key': '' },
  { 'idempotency-key': 'x'.repeat(256) },
  { 'idempotency-key': 'k\u00e9y' },
  { 'idempotency-key': 'two words' },
  { 'if-match': '' },
  { 'if-match': 'W/"' },
  { 'if-match': `"${'9'.repeat(400)}"` },
  { 'if-none-match': '\u00ff' },
  { 'x-request-id': '\u00e9vil' },
  { traceparent: '00-zz' },
  { 'x-cart-token': 'cart_' },
  { 'x-cart-token': "cart_' OR 1=1" },
  { 'x-forwarded-for': 'nobody, \u00ff' },
  { 'x-deadline-ms': '-1' },
  { accept: 'text/html' },
];

interface BadInput {
  readonly what: string;
  readonly operation: Operation;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | undefined;
  /** The field that the refusal must name; undefined if a refusal isn't certain, or isn't about a field. */
  readonly field?: string | undefined;
}

/** Whatever people and programs send is served or refused, and never breaks anything. */
export function badInputs(running: () => RunningStore, scene: () => Scene): void {
  test('no bad input to any operation breaks anything: each refusal is a problem that names what is wrong', async (context) => {
    const { store, brokenPromises } = running();
    const { people, operations } = scene();
    const pool = new Pool(store.baseUrl);
    const outside = operations.filter(({ isInternal }) => !isInternal);
    const brokenBefore = brokenPromises.length;
    let asked = 0;
    const wrong: string[] = [];
    try {
      await byService(outside, async (operation) => {
        const { sent } = await allowedRequest(people, operation);
        for (const input of inputsOf(operation, sent)) {
          asked += 1;
          const answer = await send(pool, input).catch((cause: Error) => {
            throw new Error(`${operation.name}, ${input.what}: ${cause.message}`, { cause });
          });
          running().observe(answer);
          wrong.push(...faultsOf(input, answer).map((fault) => `${operation.name}, ${input.what}: ${fault}`));
        }
      });
    } finally {
      await pool.close();
    }
    assert.deepEqual(wrong, []);
    assert.deepEqual(brokenPromises.slice(brokenBefore), []);
    assert.ok(asked >= LEAST, `${asked}`);
    context.diagnostic(`${asked} inputs to ${outside.length} operations`);
  });

  test('afterwards, everyone can still shop', async () => {
    const { people } = scene();
    assert.notEqual((await people.newOrder(people.newShopper())).status, 'rejected');
  });
}

function inputsOf(operation: Operation, sent: Sent): BadInput[] {
  const base = toBadInput(operation, sent);
  return [
    ...(operation.path.includes('{') ? IDS.map((id) => withId(base, operation, id)) : []),
    ...QUERIES.map((query) => ({
      ...base,
      what: `?${query.slice(0, 40)}`,
      path: `${base.path.split('?')[0]}?${query}`,
    })),
    ...HEADERS.map((headers) => ({
      ...base,
      what: JSON.stringify(headers).slice(0, 60),
      headers: { ...base.headers, ...headers },
    })),
    ...(operation.body ? badBodies(base, operation, sent.body) : []),
  ];
}

function toBadInput(operation: Operation, { method, path, query, token, headers, body }: Sent): BadInput {
  const parameters = new URLSearchParams(
    Object.entries(query ?? {}).map(([name, value]): [string, string] => [name, String(value)]),
  );
  return {
    what: 'valid',
    operation,
    method,
    path: parameters.size === 0 ? path : `${path}?${parameters}`,
    headers: {
      ...headers,
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  };
}

function withId(base: BadInput, { path }: Operation, id: string): BadInput {
  return { ...base, what: `id ${id.slice(0, 40)}`, path: path.replace(/\{\w+\}/, id) };
}

function badBodies(base: BadInput, operation: Operation, right: unknown): BadInput[] {
  const whole = Object.entries(BODIES).map(([what, body]) => ({ ...base, what: `body: ${what}`, body }));
  const zipped = { ...base, what: 'body: 10 MB zipped', headers: { ...base.headers, 'content-encoding': 'gzip' } };
  const single = fieldsOf(operation, operation.body as Schema, right, []).flatMap(({ path, isRequired }) => [
    ...VALUES.map((value) => withValue(base, operation, right, path, value)),
    ...(isRequired ? [withValue(base, operation, right, path, undefined)] : []),
  ]);
  return [...whole, { ...zipped, body: gzipSync(Buffer.alloc(10_000_000, '[')) }, ...single];
}

function withValue(
  base: BadInput,
  operation: Operation,
  right: unknown,
  path: readonly string[],
  value: unknown,
): BadInput {
  const body = structuredClone(right) as Record<string, unknown>;
  const parent = path.slice(0, -1).reduce((object, name) => object[name] as Record<string, unknown>, body);
  parent[path.at(-1) as string] = value;
  const pointer = `/${path.join('/')}`;
  const what = `${pointer} ${value === undefined ? 'missing' : JSON.stringify(value).slice(0, 40)}`;
  const isAllowed = operation.allows(JSON.parse(JSON.stringify(body)));
  return { ...base, what, body: JSON.stringify(body), field: isAllowed ? undefined : pointer };
}

/** The fields of every object in the valid body. */
function fieldsOf(
  operation: Operation,
  given: Schema,
  right: unknown,
  path: readonly string[],
): { path: readonly string[]; isRequired: boolean }[] {
  if (typeof right !== 'object') return [];
  const { properties = {}, required = [] } = operation.resolve(given);
  return Object.entries(properties).flatMap(([name, member]) => [
    { path: [...path, name], isRequired: required.includes(name) },
    ...fieldsOf(operation, member, (right as Record<string, unknown>)[name], [...path, name]),
  ]);
}

async function send(pool: Pool, { method, path, headers, body }: BadInput): Promise<Answer> {
  const {
    statusCode,
    headers: found,
    body: stream,
  } = await pool.request({
    method: method as 'GET',
    path,
    headers: { ...headers },
    body: body ?? null,
  });
  const text = await stream.text();
  const type = String(found['content-type'] ?? '');
  return {
    method,
    path,
    status: statusCode,
    headers: Object.fromEntries(Object.entries(found).map(([name, value]) => [name, value?.toString()])),
    body: text === '' ? undefined : /json/.test(type) ? JSON.parse(text) : text,
    ms: 0,
  };
}

function faultsOf({ field }: BadInput, { status, headers, body }: Answer): string[] {
  if (status >= 500) return [`${status} ${JSON.stringify(body)}`];
  if (status < 400) return field === undefined ? [] : [`${status}, though ${field} is wrong`];
  const { code, errors } = (body ?? {}) as { code?: string; errors?: { pointer: string }[] };
  if (!headers['content-type']?.startsWith('application/problem+json') || !code) return [`${status} is not a problem`];
  if (code !== 'validation_failed') return [];
  if (!errors?.length) return ['names no field'];
  const isNamed =
    field === undefined || errors.some(({ pointer }) => pointer === field || pointer.startsWith(`${field}/`));
  return isNamed ? [] : [`${errors.map(({ pointer }) => pointer)} named instead of ${field}`];
}
