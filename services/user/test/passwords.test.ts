import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { types } from 'cassandra-driver';
import { refreshTokens } from '../src/sessions/refresh-token.ts';
import { createSessionService } from '../src/sessions/service.ts';
import { tooManyHashes } from '../src/users/refusals.ts';
import { newPerson, startUserService, type UserService } from './user-service.ts';

let store: UserService;
before(async () => {
  store = await startUserService();
});
after(() => store?.stop());

interface Person {
  readonly id: string;
  readonly email: string;
  readonly password: string;
  readonly access_token: string;
  readonly refresh_token: string;
}

const NEW_PASSWORD = 'staple battery horse';
let networks = 0;
/** A network that no other test comes from. */
const newNetwork = () => `203.0.113.${(networks++ % 250) + 1}`;

const login = ({ email, password }: Pick<Person, 'email' | 'password'>, ip = newNetwork()) =>
  store.api.post('/api/v1/auth/login').set('X-Forwarded-For', ip).send({ email, password });
const refresh = ({ refresh_token }: Person) => store.api.post('/api/v1/auth/refresh').send({ refresh_token });
const profile = ({ access_token }: Person) =>
  store.api.get('/api/v1/auth/profile').auth(access_token, { type: 'bearer' });
const change = (person: Person, currentPassword: unknown, newPassword: unknown, ip = newNetwork()) =>
  store.api
    .post('/api/v1/auth/password')
    .set('X-Forwarded-For', ip)
    .auth(person.access_token, { type: 'bearer' })
    .send({ currentPassword, newPassword });

async function signUp(): Promise<Person> {
  const person = newPerson();
  const { body } = await store.api.post('/api/v1/auth/register').send(person).expect(201);
  return { ...person, id: body.id, ...(await login(person).expect(200)).body };
}

const signInAgain = async (person: Person): Promise<Person> => ({
  ...person,
  ...(await login(person).expect(200)).body,
});
const family = ({ refresh_token }: Person) => types.Uuid.fromString(refreshTokens.read(refresh_token)?.sessionId ?? '');

test('the new password signs in, the old one no longer does', async () => {
  const person = await signUp();
  const { body } = await change(person, person.password, NEW_PASSWORD).expect(204);
  assert.deepEqual(body, {});
  await login(person).expect(401);
  await login({ ...person, password: NEW_PASSWORD }).expect(200);
});

test('all other sessions end, refresh tokens at once and access tokens within 10 s; the caller’s goes on', async () => {
  const person = await signUp();
  const others: Person[] = [];
  for (let number = 0; number < 3; number += 1) others.push({ ...person, ...(await login(person)).body });
  await change(person, person.password, NEW_PASSWORD).expect(204);
  for (const other of others) await refresh(other).expect(401);
  const deadline = Date.now() + 10_000;
  for (const other of others) {
    while ((await profile(other)).status === 200 && Date.now() < deadline) await sleep(200);
    await profile(other).expect(401);
  }
  await profile(person).expect(200);
  await refresh(person).expect(200);
});

test('a session is ended once: not again by the next change, nor if it was already over', async () => {
  const person = await signUp();
  const [living, left, over] = [await signInAgain(person), await signInAgain(person), await signInAgain(person)];
  await store.api.post('/api/v1/auth/logout').send({ refresh_token: left.refresh_token }).expect(204);
  await store.database.execute('DELETE FROM refresh_families WHERE family_id = ? IF EXISTS', [family(over)]);
  await change(person, person.password, NEW_PASSWORD).expect(204);
  await change(person, NEW_PASSWORD, person.password).expect(204);
  const { rows } = await store.database.execute('SELECT subject FROM revocations');
  const times = (ended: Person) => rows.filter(({ subject }) => subject === String(family(ended))).length;
  assert.deepEqual([living, left, over, person].map(times), [1, 1, 0, 0]);
});

test('an ended session is no longer listed, one that is about to be opened is', async () => {
  const person = await signUp();
  const [living, left] = [await signInAgain(person), await signInAgain(person)];
  const opening = types.Uuid.random();
  await store.database.execute('INSERT INTO families_by_user (user_id, family_id) VALUES (?, ?)', [
    types.Uuid.fromString(person.id),
    opening,
  ]);
  await store.api.post('/api/v1/auth/logout').send({ refresh_token: left.refresh_token }).expect(204);
  await change(person, person.password, NEW_PASSWORD).expect(204);
  await refresh(living).expect(401);
  const { rows } = await store.database.execute('SELECT family_id FROM families_by_user WHERE user_id = ?', [
    types.Uuid.fromString(person.id),
  ]);
  assert.deepEqual(rows.map(({ family_id }) => `${family_id}`).sort(), [family(person), opening].map(String).sort());
});

test('nobody else’s session ends', async () => {
  const [person, neighbour] = [await signUp(), await signUp()];
  await change(person, person.password, NEW_PASSWORD).expect(204);
  await refresh(neighbour).expect(200);
});

test('a wrong current password changes nothing, ends nothing, and counts as a failed sign-in', async () => {
  const person = await signUp();
  const other: Person = { ...person, ...(await login(person)).body };
  const ip = newNetwork();
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const { status, body } = await change(person, `wrong ${attempt}`, NEW_PASSWORD, ip);
    assert.deepEqual([status, body.code], [403, 'invalid_credentials']);
  }
  for (const blocked of [change(person, person.password, NEW_PASSWORD, ip), login(person, ip)]) {
    const { status, body, headers } = await blocked;
    assert.deepEqual([status, body.code], [429, 'too_many_attempts']);
    assert.ok(Number(headers['retry-after']) > 840);
  }
  await refresh(other).expect(200);
  await login(person).expect(200);
});

test('a failed sign-in counts here too', async () => {
  const person = await signUp();
  const ip = newNetwork();
  for (let attempt = 0; attempt < 10; attempt += 1) await login({ ...person, password: 'wrong' }, ip).expect(401);
  await change(person, person.password, NEW_PASSWORD, ip).expect(429);
});

test('the new password follows the rules of registration, and bad input names only its field', async () => {
  const person = await signUp();
  const weak = ['short', 'password', 'x'.repeat(73), 'é'.repeat(37), 'nul\0 in the password', 7, null, undefined];
  for (const password of weak) {
    const { status, body, text } = await change(person, person.password, password);
    assert.deepEqual([status, body.code, body.errors?.[0]?.pointer], [400, 'validation_failed', '/newPassword']);
    assert.ok(!text.includes(person.password));
  }
  for (const current of ['', 7, null, undefined]) {
    const { body } = await change(person, current, NEW_PASSWORD);
    assert.equal(body.errors?.[0]?.pointer, '/currentPassword');
  }
  await login(person).expect(200);
});

test('without a token it is 401, whatever is sent', async () => {
  const { password } = await signUp();
  const body = { currentPassword: password, newPassword: NEW_PASSWORD };
  assert.equal((await store.api.post('/api/v1/auth/password').send(body)).body.code, 'unauthorized');
});

test('sign-ins with the old password in progress during the change leave no open session', async () => {
  const person = await signUp();
  const logins = Array.from({ length: 6 }, async (_, number) => {
    await sleep(number * 60);
    return login(person);
  });
  await sleep(100);
  await change(person, person.password, NEW_PASSWORD).expect(204);
  const opened = (await Promise.all(logins)).filter(({ status }) => status === 200);
  for (const { body } of opened) await refresh({ ...person, ...body }).expect(401);
  await refresh(person).expect(200);
});

test('of two concurrent changes one counts', async () => {
  const person = await signUp();
  const wanted = ['first of two passwords', 'second of two passwords'];
  const answers = await Promise.all(wanted.map((password) => change(person, person.password, password)));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [204, 403]);
  const winner = answers[0]?.status === 204 ? 0 : 1;
  await login({ ...person, password: wanted[winner] ?? '' }).expect(200);
  await login({ ...person, password: wanted[1 - winner] ?? '' }).expect(401);
});

/** Changes passwords with fakes for all parts, which record their calls in `steps`. */
function createChanges(steps: string[], hashPassword: () => Promise<string> | undefined) {
  const step = (name: string, result: unknown) => async () => {
    steps.push(name);
    return result;
  };
  const sessions = createSessionService({
    users: {
      getProfile: async () => ({}),
      authenticate: step('authenticate', {}),
      hashPassword,
      replacePassword: step('replace', true),
    },
    sessions: { listOf: step('end sessions', []) },
    throttle: { assertAllowed: async () => undefined, noteSuccess: async () => undefined },
  } as never);
  return (userId: string) =>
    sessions.changePassword({ userId, sessionId: 'kept', ip: '', currentPassword: '', newPassword: '' });
}

test('when hashing is busy the change ends no session', async () => {
  const steps: string[] = [];
  const changePassword = createChanges(steps, () => Promise.reject(tooManyHashes()));
  await assert.rejects(changePassword('somebody'), { status: 503, code: 'busy' });
  assert.deepEqual(steps, ['authenticate']);
});

test('changes by one user run one after the other, those by two users don’t wait for each other', async () => {
  const steps: string[] = [];
  const hash = Promise.withResolvers<string>();
  const changePassword = createChanges(steps, () => hash.promise);
  const changes = ['somebody', 'somebody', 'somebody else'].map(changePassword);
  await setImmediate();
  assert.deepEqual(steps, ['authenticate', 'authenticate']);
  hash.resolve('new hash');
  await Promise.all(changes);
  const one = ['end sessions', 'replace', 'end sessions'];
  assert.deepEqual(steps.slice(-4), ['authenticate', ...one]);
});

test('no password is in any log', async () => {
  const person = await signUp();
  await change(person, 'a canary that sings', NEW_PASSWORD).expect(403);
  await change(person, person.password, NEW_PASSWORD).expect(204);
  for (const { text } of store.logs) {
    for (const secret of ['canary', person.password, NEW_PASSWORD]) assert.ok(!text.includes(secret));
  }
});
