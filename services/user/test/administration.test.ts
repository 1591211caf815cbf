import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { types } from 'cassandra-driver';
import { createAdminRepository } from '../src/admins/repository.ts';
import { createAdminService } from '../src/admins/service.ts';
import { toUser, type User } from '../src/users/user.ts';
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

async function signIn({ email, password }: Pick<Person, 'email' | 'password'>) {
  return (await store.api.post('/api/v1/auth/login').send({ email, password }).expect(200)).body;
}

async function signUp(): Promise<Person> {
  const person = newPerson();
  const { body } = await store.api.post('/api/v1/auth/register').send(person).expect(201);
  return { ...person, id: body.id, ...(await signIn(person)) };
}

/** Given the role in the user's row alone; the sign-in after it counts the admin, as after a crash. */
async function makeAdmin(): Promise<Person> {
  const person = await signUp();
  await store.database.execute("UPDATE users SET role = 'admin' WHERE user_id = ? IF EXISTS", [toUuid(person.id)]);
  return { ...person, ...(await signIn(person)) };
}

/** Nobody is an admin or counted as one, whatever a failed test has left behind. */
async function forgetAdmins(): Promise<void> {
  for (const id of await activeAdmins()) {
    await store.database.execute("UPDATE users SET role = 'user' WHERE user_id = ? IF EXISTS", [toUuid(id)]);
  }
  await store.database.execute('TRUNCATE admins');
}

const toUuid = (id: string) => types.Uuid.fromString(id);
const bearer = (token: string) => [token, { type: 'bearer' }] as const;
const patch = (by: Person, id: string, change: object) =>
  store.api
    .patch(`/api/v1/users/${id}`)
    .auth(...bearer(by.access_token))
    .send(change);
const getUser = (by: Person, id: string) => store.api.get(`/api/v1/users/${id}`).auth(...bearer(by.access_token));
const profile = ({ access_token }: Pick<Person, 'access_token'>) =>
  store.api.get('/api/v1/auth/profile').auth(...bearer(access_token));
const list = (by: Person, query: object = {}) =>
  store.api
    .get('/api/v1/users')
    .query(query)
    .auth(...bearer(by.access_token));

async function isRefused(person: Person): Promise<boolean> {
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline) {
    if ((await profile(person)).status === 401) return true;
    await sleep(200);
  }
  return false;
}

async function activeAdmins(): Promise<string[]> {
  const { rows } = await store.database.execute('SELECT user_id, role, status FROM users');
  return rows.filter(({ role, status }) => role === 'admin' && status === 'active').map(({ user_id }) => `${user_id}`);
}

async function walk(by: Person, limit: number, between: () => Promise<unknown> = async () => undefined) {
  const seen: { id: string; createdAt: string }[] = [];
  let cursor: string | null | undefined;
  do {
    const { body } = await list(by, { limit, ...(cursor && { cursor }) }).expect(200);
    seen.push(...body.data);
    cursor = body.page.nextCursor;
    await between();
  } while (cursor);
  return seen;
}

test('only admins see and change users', async () => {
  const [person, other] = [await signUp(), await signUp()];
  for (const ask of [list(person), getUser(person, other.id), patch(person, person.id, { role: 'admin' })]) {
    const { status, body } = await ask;
    assert.deepEqual([status, body.code], [403, 'forbidden']);
  }
  assert.equal((await profile(person)).body.role, 'user');
});

test('an admin sees a user, and nothing secret', async () => {
  const [admin, person] = [await makeAdmin(), await signUp()];
  const { body } = await getUser(admin, person.id).expect(200);
  const { createdAt } = (await profile(person)).body;
  const { id, email } = person;
  const name = body.name;
  assert.deepEqual(body, { id, email, name, role: 'user', status: 'active', createdAt });
  const [newest] = (await list(admin, { limit: 1 }).expect(200)).body.data;
  assert.deepEqual(newest, body);
  // A UUID of no RFC 9562 version is a UUID too.
  for (const id of [crypto.randomUUID(), '11111111-1111-1111-1111-111111111111']) {
    const unknown = await getUser(admin, id);
    assert.deepEqual([unknown.status, unknown.body.code], [404, 'user_not_found']);
    assert.equal((await patch(admin, id, { role: 'user' })).status, 404);
  }
});

test('paging through all users while others register misses and repeats nothing, newest first', async () => {
  const admin = await makeAdmin();
  const there: string[] = [];
  for (let number = 0; number < 12; number += 1) there.push((await signUp()).id);
  const seen = await walk(admin, 3, signUp);
  const ids = seen.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length, 'a user is listed twice');
  assert.deepEqual(
    there.filter((id) => !ids.includes(id)),
    [],
  );
  const times = seen.map(({ createdAt }) => createdAt);
  assert.deepEqual(times, times.toSorted().reverse());
});

test('a page is one query', async () => {
  const admin = await makeAdmin();
  const count = async () =>
    (await store.api.get('/metrics')).text
      .split('\n')
      .filter((line) => line.startsWith('cassandra_query_duration_seconds_count{') && !line.includes('revocations'))
      .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  const earlier = await count();
  await list(admin, { limit: 20 }).expect(200);
  assert.equal((await count()) - earlier, 1);
});

test('the list shows a user as it is, even if a change was cut off before the list was written', async () => {
  const [admin, person] = [await makeAdmin(), await signUp()];
  const { rows } = await store.database.execute('SELECT created_at FROM users WHERE user_id = ?', [toUuid(person.id)]);
  const createdAt: Date = rows[0]?.created_at;
  await store.database.execute(
    "UPDATE users_by_newest USING TIMESTAMP ? SET noted_version = 2 WHERE list = 'all' AND created_at = ? AND user_id = ?",
    [types.Long.fromNumber(createdAt.getTime() * 1000 + 2), createdAt, toUuid(person.id)],
  );
  await store.database.execute("UPDATE users SET status = 'disabled', version = 2 WHERE user_id = ? IF version = 1", [
    toUuid(person.id),
  ]);
  const statusInList = async () => (await list(admin, { limit: 1 })).body.data[0].status;
  assert.equal(await statusInList(), 'disabled');
  await patch(admin, person.id, { status: 'active' }).expect(200);
  assert.equal(await statusInList(), 'active');
  await store.api
    .patch('/api/v1/auth/profile')
    .auth(...bearer((await signIn(person)).access_token))
    .send({ name: 'Countess' })
    .expect(200);
  assert.equal((await list(admin, { limit: 1 })).body.data[0].name, 'Countess');
});

test('bad input is named, and a cursor of another list is refused', async () => {
  const admin = await makeAdmin();
  for (const change of [{}, { role: 'root' }, { status: 'gone' }, { role: null }, { email: 'a@example.com' }, []]) {
    const { status, body } = await patch(admin, admin.id, change);
    assert.deepEqual([status, body.code], [400, 'validation_failed'], JSON.stringify(change));
  }
  assert.equal((await getUser(admin, 'me')).status, 400);
  assert.equal((await list(admin, { role: 'admin' })).status, 400);
  assert.equal((await list(admin, { cursor: 'bm8.bm8' })).body.code, 'invalid_cursor');
});

test('a disabled user is signed out, refresh tokens at once and access tokens within 10 s; once enabled, the user can sign in again', async () => {
  const [admin, person] = [await makeAdmin(), await signUp()];
  const other = { ...person, ...(await signIn(person)) };
  const { body } = await patch(admin, person.id, { status: 'disabled' }).expect(200);
  assert.equal(body.status, 'disabled');
  for (const { refresh_token } of [person, other]) {
    await store.api.post('/api/v1/auth/refresh').send({ refresh_token }).expect(401);
  }
  assert.ok((await isRefused(person)) && (await isRefused(other)));
  await store.api.post('/api/v1/auth/login').send({ email: person.email, password: person.password }).expect(401);

  await patch(admin, person.id, { status: 'active' }).expect(200);
  const back = { ...person, ...(await signIn(person)) };
  await sleep(4000);
  await profile(back).expect(200);
  await profile(person).expect(401);
});

test('a demoted admin is signed out, and comes back as a shopper', async () => {
  const [admin, other] = [await makeAdmin(), await makeAdmin()];
  await list(other).expect(200);
  await patch(admin, other.id, { role: 'user' }).expect(200);
  assert.ok(await isRefused(other));
  assert.equal((await list({ ...other, ...(await signIn(other)) })).status, 403);
});

test('a former admin changes nobody, not even in the seconds for which the token is still valid', async () => {
  const [admin, person] = [await makeAdmin(), await signUp()];
  const unaware = await store.another({});
  for (const change of [{ role: 'user' }, { status: 'disabled' }]) {
    const former = await makeAdmin();
    await patch(admin, former.id, change).expect(200);
    const ask = (path: string) => unaware.get(path).auth(...bearer(former.access_token));
    await ask('/api/v1/users').expect(200);
    for (const id of [former.id, person.id]) {
      const { status, body } = await unaware
        .patch(`/api/v1/users/${id}`)
        .auth(...bearer(former.access_token))
        .send({ role: 'admin', status: 'active' });
      assert.deepEqual([status, body.code], [401, 'unauthorized']);
    }
    const { body } = await getUser(admin, former.id).expect(200);
    assert.deepEqual({ ...body, ...change }, body);
  }
  assert.equal((await getUser(admin, person.id)).body.role, 'user');
});

test('an admin who loses the role while restoring it has lost it', async () => {
  const credentials = { userId: 'somebody', email: '', name: '', createdAt: new Date(), passwordHash: '' };
  let stored: User = toUser({ ...credentials, role: 'admin' });
  const admins = createAdminService({
    users: {
      find: async () => stored,
      findLatest: async () => stored,
      replace: async (user: User, next: User) => {
        // Another admin is faster.
        if (stored.version === 1) stored = { ...stored, role: 'user', version: 2 };
        if (user.version !== stored.version) return false;
        stored = next;
        return true;
      },
    },
    admins: { enter: async () => undefined },
    audit: { record: (_act: unknown, work: () => unknown) => work() },
  } as never);
  await assert.rejects(admins.changeUser('somebody', 'somebody', { role: 'admin' }), { status: 401 });
  assert.deepEqual([stored.role, stored.version], ['user', 2]);
});

test('a promoted user is an admin from the next refresh on, and counts as one', async () => {
  await forgetAdmins();
  const [admin, person] = [await makeAdmin(), await signUp()];
  await patch(admin, person.id, { role: 'admin' }).expect(200);
  const { body } = await store.api
    .post('/api/v1/auth/refresh')
    .send({ refresh_token: person.refresh_token })
    .expect(200);
  await list({ ...person, ...body }).expect(200);
  await patch(admin, admin.id, { role: 'user' }).expect(200);
  assert.deepEqual(await activeAdmins(), [person.id]);
});

test('sign-ins in progress while a user is disabled leave no open session', async () => {
  const [admin, person] = [await makeAdmin(), await signUp()];
  const { email, password } = person;
  const logins = Array.from({ length: 6 }, async (_, number) => {
    await sleep(number * 40);
    return store.api.post('/api/v1/auth/login').send({ email, password });
  });
  await sleep(120);
  await patch(admin, person.id, { status: 'disabled' }).expect(200);
  const tokens = (await Promise.all(logins)).filter(({ status }) => status === 200).map(({ body }) => body);
  for (const { refresh_token } of tokens) {
    await store.api.post('/api/v1/auth/refresh').send({ refresh_token }).expect(401);
  }
  for (const pair of tokens) assert.ok(await isRefused({ ...person, ...pair }));
});

test('the last admin can neither be disabled nor demoted', async () => {
  await forgetAdmins();
  const admin = await makeAdmin();
  for (const change of [{ status: 'disabled' }, { role: 'user' }, { role: 'user', status: 'disabled' }]) {
    const { status, body } = await patch(admin, admin.id, change);
    assert.deepEqual([status, body.code], [409, 'last_admin'], JSON.stringify(change));
  }
  await list(admin).expect(200);

  const second = await makeAdmin();
  await patch(admin, second.id, { status: 'disabled' }).expect(200);
  assert.equal((await patch(admin, admin.id, { role: 'user' })).status, 409, 'a disabled admin doesn’t count');
});

test('two admins who demote or disable each other at the same time leave one, twenty times', async () => {
  for (let round = 0; round < 20; round += 1) {
    await forgetAdmins();
    const [one, two] = [await makeAdmin(), await makeAdmin()];
    const change = round % 2 === 0 ? { role: 'user' } : { status: 'disabled' };
    const answers = await Promise.all([patch(one, two.id, change), patch(two, one.id, change)]);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
    const left = await activeAdmins();
    assert.equal(left.length, 1, `round ${round}`);
  }
});

test('five admins who each demote and promote two others at the same time leave at least one at every moment', async () => {
  await forgetAdmins();
  const admins: Person[] = [];
  for (let number = 0; number < 5; number += 1) admins.push(await makeAdmin());
  let isOver = false;
  const fewest = (async () => {
    let least = admins.length;
    while (!isOver) least = Math.min(least, (await activeAdmins()).length);
    return least;
  })();
  const changes = admins.flatMap((by, at) =>
    [1, 2].flatMap((distance) => {
      const victim = admins[(at + distance) % admins.length]?.id ?? '';
      return [patch(by, victim, { role: 'user' }), patch(by, victim, { role: 'admin' })];
    }),
  );
  const answers = await Promise.all(changes);
  isOver = true;
  assert.ok((await fewest) >= 1);
  assert.ok(answers.every(({ status }) => [200, 401, 409, 503].includes(status)));
  const { rows } = await store.database.execute('SELECT user_id, is_counted FROM admins');
  const counted = rows.filter(({ is_counted }) => is_counted).map(({ user_id }) => `${user_id}`);
  const active = await activeAdmins();
  assert.ok(counted.length >= 1);
  assert.deepEqual(
    counted.filter((id) => !active.includes(id)),
    [],
    'counted, but not an admin',
  );
});

test('an entry that arrives after its user has left again doesn’t count', async () => {
  const rows: { version: number; user_id: string; is_counted: boolean; user_version: number }[] = [];
  const admins = createAdminRepository({
    read: async () => rows,
    conditional: async (
      _name: string,
      [{ params }]: [{ params: [number, boolean, number, string, number | null] }],
    ) => {
      const [version, isCounted, userVersion, userId, expected] = params;
      assert.equal(rows[0]?.version ?? null, expected);
      const at = rows.findIndex(({ user_id }) => String(user_id) === String(userId));
      if (at >= 0) rows.splice(at, 1);
      rows.push({ version, user_id: userId, is_counted: isCounted, user_version: userVersion });
      for (const row of rows) row.version = version;
      return { applied: true, uncertain: false };
    },
  } as never);
  const [one, two] = [crypto.randomUUID(), crypto.randomUUID()];
  const counted = () => rows.filter(({ is_counted }) => is_counted).map(({ user_id }) => String(user_id));
  await admins.enter(one, 1);
  await admins.leave(two, 3);
  await admins.enter(two, 2);
  assert.deepEqual(counted(), [one], 'an admin as of version 2, no longer as of 3');
  await assert.rejects(admins.leave(one, 2), { code: 'last_admin' });
  await admins.enter(two, 4);
  await admins.leave(one, 2);
  assert.deepEqual(counted(), [two]);
});

test('each change leaves a line in the audit log, even a refused one, and none holds a secret', async () => {
  await forgetAdmins();
  const [admin, person] = [await makeAdmin(), await signUp()];
  await patch(admin, person.id, { status: 'disabled' }).expect(200);
  await patch(admin, admin.id, { role: 'user' }).expect(409);
  const { body } = await store.api
    .get('/api/v1/admin/audit')
    .query({ entity: 'user', limit: 2 })
    .auth(...bearer(admin.access_token))
    .expect(200);
  const active = { role: 'user', status: 'active' };
  assert.deepEqual(
    body.data.map(({ actor, entityId, action, outcome, code, before, after }: Record<string, unknown>) => [
      actor,
      entityId,
      action,
      outcome,
      code,
      before,
      after,
    ]),
    [
      [admin.id, admin.id, 'update', 'refused', 'last_admin', { role: 'admin', status: 'active' }, null],
      [admin.id, person.id, 'update', 'done', null, active, { role: 'user', status: 'disabled' }],
    ],
  );
  const { rows } = await store.database.execute('SELECT * FROM admin_audit');
  const stored = JSON.stringify(rows);
  const { rows: credentials } = await store.database.execute('SELECT password_hash FROM credentials');
  const secrets = [...credentials.map(({ password_hash }) => password_hash), person.password, person.access_token];
  for (const secret of secrets) assert.ok(!stored.includes(secret));
});
