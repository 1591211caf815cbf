import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { serviceToken, userToken } from '../../local/test-support/service-config.ts';
import { newPerson, startUserService, type UserService } from './user-service.ts';

let store: UserService;
let token: string;

before(async () => {
  store = await startUserService();
  const { body } = await store.api.post('/api/v1/auth/register').send(newPerson()).expect(201);
  token = userToken({ userId: body.id });
});
after(() => store?.stop());

const person = { email: 'fine@example.com', password: 'a fine password', name: 'Fine' };
const signIn = { email: person.email, password: person.password };
const over = (length: number) => 'x'.repeat(length);

const badEmails: unknown[] = [
  null,
  7,
  true,
  ['a@example.com'],
  { $ne: '' },
  '',
  ' ',
  'ada',
  '@example.com',
  'ada@',
  'ada@example',
  'ada@@example.com',
  'a da@example.com',
  'ada@exam ple.com',
  'ada@.com',
  'ada@example..com',
  'ada@-example.com',
  'ada@example.com.',
  '.ada@example.com',
  'ada.@example.com',
  'a..da@example.com',
  'Ada <ada@example.com>',
  'ada@example.com, bob@example.com',
  'ada@example.com\nBcc: all@example.com',
  'ada\u0000@example.com',
  'ada\ud800@example.com',
  '"ada"@example.com',
  'mailto:ada@example.com',
  `${over(65)}@example.com`,
  `ada@${over(64)}.com`,
  `ada@${`${over(60)}.`.repeat(5)}com`,
  `${'\ufdfa'.repeat(20)}@example.com`,
  over(10_000),
];

const badNewPasswords: unknown[] = [
  null,
  12_345_678,
  ['a fine password'],
  { length: 20 },
  '',
  'seven77',
  '🐎🐎🐎🐎',
  'password',
  'PASSWORD',
  '12345678',
  'Qwertyuiop',
  over(73),
  'é'.repeat(37),
  '🐎'.repeat(19),
  'a fine\u0000password',
  'half a pair \udc00',
  over(10_000),
];

const badNames: unknown[] = [
  null,
  1,
  false,
  ['Ada'],
  {},
  '',
  '   ',
  '\u00a0',
  over(101),
  '🐎'.repeat(101),
  'Ada\u0000',
  'Ada\nLovelace',
  'Ada\tLovelace',
  'A\u001bda',
  'A\u2028da',
  'half \ud800',
];

const badGivenPasswords: unknown[] = [null, 1, [], {}, '', over(73), 'with\u0000nul', 'half \ud800 pair'];
const badRefreshTokens: unknown[] = [null, 1, true, [], {}, '', over(513)];

interface Case {
  readonly method?: 'patch';
  readonly path: string;
  readonly field: string;
  readonly body: unknown;
}

const without = (object: Record<string, unknown>, field: string) =>
  Object.fromEntries(Object.entries(object).filter(([name]) => name !== field));

/** Every bad value of `field`, and its absence, in a body that is otherwise fine. */
function casesOf(path: string, good: Record<string, unknown>, field: string, bad: unknown[], method?: 'patch'): Case[] {
  const bodies = [...bad.map((value) => ({ ...good, [field]: value })), without(good, field)];
  return bodies.map((body) => ({ path, field, body, ...(method && { method }) }));
}

const cases: Case[] = [
  ...casesOf('/api/v1/auth/register', person, 'email', badEmails),
  ...casesOf('/api/v1/auth/register', person, 'password', badNewPasswords),
  ...casesOf('/api/v1/auth/register', person, 'name', badNames),
  ...casesOf('/api/v1/auth/login', signIn, 'email', badEmails),
  ...casesOf('/api/v1/auth/login', signIn, 'password', badGivenPasswords),
  ...casesOf('/api/v1/auth/refresh', { refresh_token: 'x' }, 'refresh_token', badRefreshTokens),
  ...casesOf('/api/v1/auth/logout', { refresh_token: 'x' }, 'refresh_token', badRefreshTokens),
  ...casesOf('/api/v1/auth/profile', { name: 'Fine' }, 'name', badNames, 'patch'),
  ...['role', 'status', 'id', 'userId', 'version', 'createdAt', 'passwordHash'].flatMap((field): Case[] => [
    { path: '/api/v1/auth/register', field, body: { ...person, [field]: 'admin' } },
    { path: '/api/v1/auth/login', field, body: { ...signIn, [field]: 'admin' } },
    { path: '/api/v1/auth/profile', field, body: { name: 'Fine', [field]: 'admin' }, method: 'patch' },
  ]),
  { path: '/api/v1/auth/profile', field: 'email', body: { name: 'Fine', email: 'new@example.com' }, method: 'patch' },
  { path: '/api/v1/auth/profile', field: 'password', body: { name: 'Fine', password: over(20) }, method: 'patch' },
  { path: '/api/v1/auth/refresh', field: 'refreshToken', body: { refresh_token: 'x', refreshToken: 'x' } },
];

const send = ({ method = 'post' as 'post' | 'patch', path }: { method?: 'post' | 'patch'; path: string }) =>
  store.api[method](path).auth(token, { type: 'bearer' });

test(`${cases.length} bad inputs: each is a 400 that names its field and doesn’t repeat what was sent`, async () => {
  assert.ok(cases.length >= 60);
  for (const bad of cases) {
    const { status, body, headers } = await send(bad).send(bad.body as object);
    const seen = `${bad.path} ${bad.field} ${JSON.stringify(bad.body).slice(0, 90)} → ${JSON.stringify(body)}`;
    assert.deepEqual([status, body.code], [400, 'validation_failed'], seen);
    assert.match(headers['content-type'] ?? '', /^application\/problem\+json/);
    assert.deepEqual(
      body.errors.map(({ pointer }: { pointer: string }) => pointer),
      body.errors.map(() => `/${bad.field}`),
      seen,
    );
    const value = (bad.body as Record<string, unknown>)[bad.field];
    if (bad.field === 'password' && typeof value === 'string' && value.length > 8 && value !== 'Qwertyuiop')
      assert.ok(!JSON.stringify(body).includes(value), seen);
  }
});

test('several faults are named together', async () => {
  const { body } = await store.api.post('/api/v1/auth/register').send({ email: 'x', password: 'x', role: 'admin' });
  assert.deepEqual(body.errors.map(({ pointer }: { pointer: string }) => pointer).sort(), [
    '/email',
    '/name',
    '/password',
    '/role',
  ]);
});

test('a body that isn’t a JSON object is refused', async () => {
  const bodies: [string, string, number][] = [
    ['application/json', '{', 400],
    ['application/json', '', 400],
    ['application/json', 'null', 400],
    ['application/json', '[]', 400],
    ['application/json', '"text"', 400],
    ['application/json', '7', 400],
    ['application/json', `{"email":"a@b.co","password":"${over(70_000)}"}`, 413],
    ['application/json', `{"a":${'['.repeat(40)}${']'.repeat(40)}}`, 400],
    ['application/json', '{"__proto__":{"role":"admin"}}', 400],
    ['application/json', '{"constructor":{"prototype":{}}}', 400],
    ['application/x-www-form-urlencoded', 'email=a@b.co&password=x', 415],
    ['text/plain', JSON.stringify(signIn), 415],
    ['multipart/form-data; boundary=x', '--x--', 415],
  ];
  for (const path of ['register', 'login', 'refresh', 'logout']) {
    for (const [type, text, expected] of bodies) {
      const { status, body } = await store.api.post(`/api/v1/auth/${path}`).set('Content-Type', type).send(text);
      assert.equal(status, expected, `${path} ${type} ${text.slice(0, 40)}`);
      assert.equal(typeof body.code, 'string');
    }
  }
});

test('unknown query parameters are refused, known ones checked', async () => {
  await store.api.post('/api/v1/auth/login?next=/admin').send(signIn).expect(400);
  await store.api.get('/.well-known/jwks.json?kid=x').expect(400);
  const internal = serviceToken('cart', 'user', 'revocations:read');
  const bad = ['', '?since=', '?since=x', '?since=-1', '?since=1.5', '?since=1e3', `?since=${over(20)}`];
  for (const query of [...bad, '?since=1&since=2', '?since=1&until=2', '?since[]=1', '?since=9999999999999999']) {
    const { status, body } = await store.api.get(`/internal/revocations${query}`).auth(internal, { type: 'bearer' });
    assert.deepEqual([status, body.code], [400, 'validation_failed'], query);
  }
});

test('a wrong method is answered with the allowed ones', async () => {
  for (const [path, allow] of [
    ['/api/v1/auth/login', 'POST, OPTIONS'],
    ['/api/v1/auth/profile', 'GET, PATCH, HEAD, OPTIONS'],
    ['/.well-known/jwks.json', 'GET, HEAD, OPTIONS'],
  ]) {
    const { status, headers } = await store.api.delete(path ?? '');
    assert.deepEqual([status, headers.allow], [405, allow]);
  }
});

test('none of these inputs is logged as an error', () => {
  assert.deepEqual(
    store.logs.filter(({ level }) => level === 'error'),
    [],
  );
});
