import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { types } from 'cassandra-driver';
import { userToken } from '../../local/test-support/service-config.ts';
import { newPerson, startUserService, type UserService } from './user-service.ts';

let store: UserService;
before(async () => {
  store = await startUserService();
});
after(() => store?.stop());

const register = (person: object) => store.api.post('/api/v1/auth/register').send(person);
const login = ({ email, password }: { email: string; password: string }) =>
  store.api.post('/api/v1/auth/login').send({ email, password });
const profile = (token: string) => store.api.get('/api/v1/auth/profile').auth(token, { type: 'bearer' });
const rename = (token: string, name: unknown) =>
  store.api.patch('/api/v1/auth/profile').auth(token, { type: 'bearer' }).send({ name });

async function usersOf(email: string): Promise<types.Row[]> {
  const { rows } = await store.database.execute('SELECT * FROM users');
  return rows.filter((row) => row.email === email);
}

test('registering returns the profile, its location, and nothing of the password', async () => {
  const person = newPerson();
  const response = await register({ ...person, email: ` ${person.email.toUpperCase()} `, name: '  Ada  Lovelace ' });
  assert.equal(response.status, 201);
  assert.equal(response.headers.location, '/api/v1/auth/profile');
  assert.equal(response.headers['cache-control'], 'no-store');
  const { id, createdAt, ...rest } = response.body;
  assert.deepEqual(rest, { email: person.email, name: 'Ada  Lovelace', role: 'user' });
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4/);
  assert.ok(Math.abs(Date.parse(createdAt) - Date.now()) < 10_000);
  assert.match(createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test('a registration is counted, a refused one is not', async () => {
  const person = newPerson();
  const counted = await store.metric('user_registrations_total');
  await register(person).expect(201);
  await register(person).expect(409);
  assert.equal(await store.metric('user_registrations_total'), counted + 1);
});

test('an address is taken in every spelling of it', async () => {
  const person = newPerson();
  await register(person).expect(201);
  for (const email of [person.email, person.email.toUpperCase(), person.email.replace('@', '＠'), ` ${person.email}`]) {
    const { status, body } = await register({ ...newPerson(), email });
    assert.deepEqual([status, body.code], [409, 'email_taken']);
  }
});

test('of twenty concurrent registrations of one address one wins, and it is the one that can sign in', async () => {
  const { email } = newPerson();
  const attempts = Array.from({ length: 20 }, (_, n) => ({
    email,
    password: `battery staple ${n}`,
    name: `Twin ${n}`,
  }));
  const answers = await Promise.all(attempts.map((attempt) => register(attempt)));

  const winners = answers.flatMap(({ status }, n) => (status === 201 ? [n] : []));
  assert.equal(winners.length, 1);
  const others = answers.filter(({ status }) => status !== 201);
  assert.ok(others.every(({ status, body }) => body.code === (status === 409 ? 'email_taken' : 'busy')));
  assert.equal((await usersOf(email)).length, 1);
  assert.equal((await login(attempts[winners[0] ?? 0] as { email: string; password: string })).status, 200);
});

test('a registration cut off after its claim is finished by the next sign-in, with the same id and date', async () => {
  const person = newPerson();
  const { body: registered } = await register(person).expect(201);
  await store.database.execute('DELETE FROM users WHERE user_id = ? IF EXISTS', [types.Uuid.fromString(registered.id)]);
  assert.equal((await usersOf(person.email)).length, 0);

  const { body: tokens } = await login(person).expect(200);
  const { body: repaired } = await profile(tokens.access_token).expect(200);
  assert.deepEqual(repaired, registered);
});

test('a wrong password doesn’t finish a registration that was cut off', async () => {
  const person = newPerson();
  const { body: registered } = await register(person).expect(201);
  await store.database.execute('DELETE FROM users WHERE user_id = ? IF EXISTS', [types.Uuid.fromString(registered.id)]);
  await login({ ...person, password: 'not the password' }).expect(401);
  assert.equal((await usersOf(person.email)).length, 0);
});

test('a claim that got no answer finds itself when it is sent again', async () => {
  const { createUserRepository } = await import('../src/users/repository.ts');
  const userId = crypto.randomUUID();
  const refusedBy = (owner: string) =>
    createUserRepository({
      conditional: async () => ({ applied: false, uncertain: true, rows: [{ user_id: types.Uuid.fromString(owner) }] }),
    } as never);
  const credentials = { ...newPerson(), userId, passwordHash: '', role: 'user' as const, createdAt: new Date() };
  assert.equal(await refusedBy(userId).claim(credentials), true);
  assert.equal(await refusedBy(crypto.randomUUID()).claim(credentials), false);
});

test('the profile is the caller’s own, and only its name can be changed', async () => {
  const [ada, bob] = [newPerson(), newPerson()];
  const [{ body: adaBody }, { body: bobBody }] = await Promise.all([register(ada), register(bob)]);
  const token = userToken({ userId: adaBody.id });

  const { body: renamed } = await rename(token, ' Countess ').expect(200);
  assert.deepEqual(renamed, { ...adaBody, name: 'Countess' });
  assert.deepEqual((await profile(token).expect(200)).body, renamed);
  assert.deepEqual((await profile(userToken({ userId: bobBody.id })).expect(200)).body, bobBody);
});

test('a token of an unknown user has no profile and creates none', async () => {
  const token = userToken();
  const { status, body } = await profile(token);
  assert.deepEqual([status, body.code], [401, 'unauthorized']);
  await rename(token, 'Ghost').expect(401);
  await profile(token).expect(401);
});

test('nobody registers as an admin', async () => {
  for (const extra of [{ role: 'admin' }, { status: 'active' }, { userId: crypto.randomUUID() }, { version: 1 }]) {
    const { status, body } = await register({ ...newPerson(), ...extra });
    assert.equal(status, 400);
    assert.equal(body.errors[0].pointer, `/${Object.keys(extra)[0]}`);
  }
});

test('the password is stored as its bcrypt hash alone', async () => {
  const person = newPerson();
  await register(person).expect(201);
  const { rows } = await store.database.execute('SELECT * FROM credentials WHERE email = ?', [person.email]);
  assert.match(rows[0]?.password_hash, /^\$2b\$10\$/);
  assert.ok(!JSON.stringify(rows).includes(person.password));
});

test('the document describes what is served', () => {
  assert.deepEqual(Object.keys(store.service.document.paths ?? {}).sort(), [
    '/.well-known/jwks.json',
    '/api/v1/admin/audit',
    '/api/v1/auth/login',
    '/api/v1/auth/logout',
    '/api/v1/auth/password',
    '/api/v1/auth/profile',
    '/api/v1/auth/refresh',
    '/api/v1/auth/register',
    '/api/v1/users',
    '/api/v1/users/{id}',
    '/internal/revocations',
  ]);
});
