import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { after, before, test } from 'node:test';
import { createMetrics } from '#platform/metrics.ts';
import { refreshTokens } from '../src/sessions/refresh-token.ts';
import { createPasswordHasher, type PasswordHasher } from '../src/users/password-hasher.ts';
import { createUserRepository } from '../src/users/repository.ts';
import { newPerson, startUserService, type UserService } from './user-service.ts';

let store: UserService;
before(async () => {
  store = await startUserService();
});
after(() => store?.stop());

const WRONG = 'not the password';
let networks = 0;
/** A network that no other test signs in from. */
const newNetwork = () => `198.51.${Math.floor(networks / 250)}.${(networks++ % 250) + 1}`;

async function signUp() {
  const person = newPerson();
  await store.api.post('/api/v1/auth/register').send(person).expect(201);
  return person;
}

function login({ email, password }: { email: string; password: string }, ip: string, api = store.api) {
  return api.post('/api/v1/auth/login').set('X-Forwarded-For', ip).send({ email, password });
}

async function failTimes(times: number, email: string, ip: string): Promise<void> {
  for (let attempt = 0; attempt < times; attempt += 1) await login({ email, password: WRONG }, ip).expect(401);
}

async function endBlocks(): Promise<void> {
  const { rows } = await store.database.execute('SELECT key, blocked_until FROM login_failures');
  for (const { key, blocked_until } of rows) {
    if (!blocked_until) continue;
    await store.database.execute('UPDATE login_failures SET blocked_until = ? WHERE key = ?', [new Date(0), key]);
  }
}

const hashes = () => store.metric('password_hash_duration_seconds_count');

test('an unknown address and a wrong password get the same answer after the same work', async () => {
  const person = await signUp();
  const ip = newNetwork();
  const ask = async (email: string) => {
    const earlier = await hashes();
    const response = await login({ email, password: WRONG }, ip).set('X-Request-Id', 'same-request');
    const { date: _date, ...headers } = response.headers;
    return { hashes: (await hashes()) - earlier, status: response.status, headers, body: response.text };
  };
  const known = await ask(person.email);
  assert.deepEqual(await ask('nobody@example.com'), known);
  assert.deepEqual([known.status, known.hashes], [401, 1]);
  assert.equal(JSON.parse(known.body).code, 'invalid_credentials');
});

/** Processor time of three wrong passwords for `hash`, in µs. */
async function workOfRefusals(passwords: PasswordHasher, hash: string | undefined): Promise<number> {
  const startedAt = process.cpuUsage();
  for (let times = 0; times < 3; times += 1) assert.equal(await passwords.verify(WRONG, hash), false);
  return process.cpuUsage(startedAt).user;
}

test('the dummy hash costs what a real one does, and matches nothing', async () => {
  for (const cost of [10, 11]) {
    const passwords = createPasswordHasher(cost, createMetrics());
    const real = await passwords.hash('correct horse');
    const ratio = (await workOfRefusals(passwords, real)) / (await workOfRefusals(passwords, undefined));
    assert.ok(ratio > 0.6 && ratio < 1.7, `ratio ${ratio}`);
    assert.equal(await passwords.verify('correct horse', real), true);
  }
});

test('a wrong password for a hash of a lower cost takes the work of today’s, and one place in the queue', async () => {
  const metrics = createMetrics();
  const passwords = createPasswordHasher(12, metrics);
  const ofDummy = await workOfRefusals(passwords, undefined);
  for (const cost of [10, 11]) {
    const older = await createPasswordHasher(cost, createMetrics()).hash('correct horse');
    const ratio = (await workOfRefusals(passwords, older)) / ofDummy;
    assert.ok(ratio > 0.8 && ratio < 1.25, `cost ${cost}: ratio ${ratio}`);
    assert.equal(await passwords.verify('correct horse', older), true);
  }
  assert.match(await metrics.registry.metrics(), /^password_hash_duration_seconds_count 11$/m);
});

test('after ten failures an account is blocked for the network: 429 with a Retry-After of 15 minutes, whatever the password', async () => {
  const person = await signUp();
  const ip = newNetwork();
  await failTimes(10, person.email, ip);
  const earlier = await hashes();
  for (const password of [WRONG, person.password]) {
    const response = await login({ ...person, password }, ip);
    assert.deepEqual([response.status, response.body.code], [429, 'too_many_attempts']);
    const wait = Number(response.headers['retry-after']);
    assert.ok(wait > 840 && wait <= 900, `${wait} s`);
  }
  assert.equal(await hashes(), earlier, 'a blocked attempt costs no hash');
});

test('a stranger’s failures lock out neither the owner nor anybody else on the stranger’s network', async () => {
  const [owner, neighbour] = [await signUp(), await signUp()];
  const stranger = newNetwork();
  await failTimes(10, owner.email, stranger);
  await login(owner, stranger).expect(429);
  await login(owner, newNetwork()).expect(200);
  await login(neighbour, stranger).expect(200);
});

test('another address in the same /64 doesn’t help', async () => {
  const { email, password } = await signUp();
  await failTimes(10, email, '2001:db8:77:1::1');
  await login({ email, password }, '2001:db8:77:1:aaaa::2').expect(429);
  await login({ email, password }, '2001:db8:77:2::1').expect(200);
});

test('an unknown address is blocked like a known one', async () => {
  const ip = newNetwork();
  await failTimes(10, 'nobody@example.com', ip);
  await login({ email: 'NOBODY@example.com', password: WRONG }, ip).expect(429);
});

test('after a block one more failure doubles it, and a success clears the count', async () => {
  const person = await signUp();
  const ip = newNetwork();
  await failTimes(10, person.email, ip);
  await endBlocks();
  await failTimes(1, person.email, ip);
  const { headers } = await login(person, ip).expect(429);
  assert.ok(Number(headers['retry-after']) > 1740 && Number(headers['retry-after']) <= 1800);

  await endBlocks();
  await login(person, ip).expect(200);
  await failTimes(9, person.email, ip);
  await login(person, ip).expect(200);
});

test('only failures count', async () => {
  const person = await signUp();
  const ip = newNetwork();
  for (let times = 0; times < 15; times += 1) await login(person, ip).expect(200);
});

test('fifty concurrent guesses get ten answers, and the right one among the rest isn’t revealed', async () => {
  const person = await signUp();
  const ip = newNetwork();
  const guesses = Array.from({ length: 50 }, (_, n) => (n < 30 ? WRONG : n === 49 ? person.password : `${WRONG} ${n}`));
  const answers = await Promise.all(guesses.map((password) => login({ ...person, password }, ip)));
  const told = answers.slice(0, 49).filter(({ status }) => status === 401);
  assert.ok(told.length <= 10, `${told.length} answers`);
  assert.ok(answers.every(({ status }) => [200, 401, 429, 503].includes(status)));
  assert.ok(answers.filter(({ status }) => status === 200).length <= 1);
});

test('a network is blocked for every account after a hundred failures in a day', async () => {
  const person = await signUp();
  const ip = newNetwork();
  for (let account = 0; account < 20; account += 1) await failTimes(5, `stuffed-${account}@example.com`, ip);
  const { status, headers } = await login(person, ip);
  assert.equal(status, 429);
  assert.ok(Number(headers['retry-after']) > 0 && Number(headers['retry-after']) <= 86_400);
  await login(person, newNetwork()).expect(200);
});

test('stored failures name neither address nor IP, and expire', async () => {
  const ip = newNetwork();
  await failTimes(1, 'private@example.com', ip);
  const { rows } = await store.database.execute('SELECT key, TTL(failures) AS ttl FROM login_failures');
  assert.ok(rows.length >= 2);
  for (const { key, ttl } of rows) {
    assert.match(key, /^[0-9a-f]{64}$/);
    assert.ok(ttl > 0 && ttl <= 2 * 86_400);
  }
});

test('a sign-in renews a hash of another cost, and the password stays the same', async () => {
  const person = await signUp();
  const dearer = await store.another({ BCRYPT_COST: 11 });
  const storedHash = async () => {
    const { rows } = await store.database.execute('SELECT password_hash FROM credentials WHERE email = ?', [
      person.email,
    ]);
    return rows[0]?.password_hash as string;
  };
  await login({ ...person, password: WRONG }, newNetwork(), dearer).expect(401);
  assert.match(await storedHash(), /^\$2b\$10\$/);
  await login(person, newNetwork(), dearer).expect(200);
  const renewed = await storedHash();
  assert.match(renewed, /^\$2b\$11\$/);
  await login(person, newNetwork(), dearer).expect(200);
  assert.equal(await storedHash(), renewed);
  await login(person, newNetwork()).expect(200);
  assert.match(await storedHash(), /^\$2b\$10\$/);
});

test('a hash replaces only the one that was checked', async () => {
  const statements: { query: string; params: readonly unknown[] }[] = [];
  const users = createUserRepository({
    conditional: async (_name: string, [statement]: typeof statements) => {
      if (statement) statements.push(statement);
      return { applied: true, uncertain: false };
    },
  } as never);
  await users.replaceHash('ada@example.com', 'old', 'new');
  assert.match(statements[0]?.query ?? '', /IF password_hash = \?$/);
  assert.deepEqual(statements[0]?.params, ['new', 'ada@example.com', 'old']);
});

test('hashing accepts a second’s work and no more: the rest gets 503 with Retry-After', async () => {
  const passwords = createPasswordHasher(10, createMetrics(), 1);
  await passwords.hash('warm-up');
  const results = await Promise.allSettled(Array.from({ length: 100 }, (_, n) => passwords.hash(`password ${n}`)));
  const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  assert.ok(refused.length > 20 && refused.length < 99, `${refused.length} refused`);
  for (const { status, code, retryAfter } of refused) assert.deepEqual([status, code, retryAfter], [503, 'busy', 2]);
  await passwords.hash('room again');
});

test('a crowd of sign-ins gets tokens or 503 with Retry-After, and others are served meanwhile', async () => {
  const person = await signUp();
  const crowd = Promise.all(Array.from({ length: 40 * availableParallelism() }, () => login(person, newNetwork())));
  const startedAt = performance.now();
  await store.api.get('/.well-known/jwks.json').expect(200);
  assert.ok(performance.now() - startedAt < 3000);

  const answers = await crowd;
  const busy = answers.filter(({ status }) => status === 503);
  assert.ok(busy.length > 0);
  for (const { body, headers } of busy) assert.deepEqual([body.code, headers['retry-after']], ['busy', '2']);
  assert.ok(answers.every(({ status }) => status === 200 || status === 503));
});

test('sign-ins are counted by outcome', async () => {
  const person = await signUp();
  const ip = newNetwork();
  const count = (outcome: string) => store.metric(`logins_total{outcome="${outcome}"}`);
  const outcomes = ['succeeded', 'refused', 'throttled'];
  const earlier = await Promise.all(outcomes.map(count));
  await login(person, ip).expect(200);
  await failTimes(10, person.email, ip);
  await login(person, ip).expect(429);
  const later = await Promise.all(outcomes.map(count));
  assert.deepEqual(
    later.map((value, at) => value - (earlier[at] ?? 0)),
    [1, 10, 1],
  );
});

test('no password, token, hash or address is in any log line or metric', async () => {
  const person = { ...newPerson(), email: 'canary-7f3a@example.com', password: 'canary-7f3a-password' };
  await store.api.post('/api/v1/auth/register').send(person).expect(201);
  await store.api.post('/api/v1/auth/register').send(person).expect(409);
  const { body: tokens } = await login(person, newNetwork()).expect(200);
  await login({ ...person, password: 'canary-7f3a-wrong' }, newNetwork()).expect(401);
  const refresh = (token: string) => store.api.post('/api/v1/auth/refresh').send({ refresh_token: token });
  const { body: next } = await refresh(tokens.refresh_token).expect(200);
  await refresh(tokens.refresh_token).expect(401);
  await store.api.post('/api/v1/auth/logout').send({ refresh_token: next.refresh_token }).expect(204);
  await store.api
    .post('/api/v1/auth/login')
    .send({ ...person, password: ['canary-7f3a-array'] })
    .expect(400);
  await store.api.post('/api/v1/auth/login').type('json').send('{"password":"canary-7f3a-torn').expect(400);

  const { rows } = await store.database.execute('SELECT password_hash FROM credentials WHERE email = ?', [
    person.email,
  ]);
  const secrets = [
    'canary-7f3a',
    rows[0]?.password_hash,
    ...[tokens, next].flatMap(({ access_token, refresh_token }) => [
      access_token,
      refresh_token,
      refreshTokens.read(refresh_token)?.hash,
    ]),
  ];
  const { text: metrics } = await store.api.get('/metrics');
  const output = `${store.logs.map(({ text }) => text).join('\n')}\n${metrics}`;
  assert.match(output, /refresh|spent/);
  for (const secret of secrets) assert.ok(secret && !output.includes(secret));
});
