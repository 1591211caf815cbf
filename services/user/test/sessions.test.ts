import assert from 'node:assert/strict';
import { createPublicKey, hash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { types } from 'cassandra-driver';
import jwt from 'jsonwebtoken';
import { databaseUnavailable } from '#platform/errors.ts';
import { serviceToken, userToken } from '../../local/test-support/service-config.ts';
import { refreshTokens } from '../src/sessions/refresh-token.ts';
import { createSessionRepository } from '../src/sessions/repository.ts';
import { createSessionService } from '../src/sessions/service.ts';
import { newPerson, startUserService, type UserService } from './user-service.ts';

let store: UserService;
before(async () => {
  store = await startUserService();
});
after(() => store?.stop());

interface Tokens {
  access_token: string;
  refresh_token: string;
}

async function signUp(): Promise<Tokens & { id: string; email: string; password: string }> {
  const person = newPerson();
  const { body } = await store.api.post('/api/v1/auth/register').send(person).expect(201);
  return { ...person, id: body.id, ...(await signIn(person)) };
}

async function signIn({ email, password }: { email: string; password: string }): Promise<Tokens> {
  return (await store.api.post('/api/v1/auth/login').send({ email, password }).expect(200)).body;
}

/** A session as stored. */
const newSession = (currentHash: string) => ({
  sessionId: crypto.randomUUID(),
  userId: crypto.randomUUID(),
  familyHash: 'family',
  currentHash,
  generation: 0,
  isRevoked: false,
  createdAt: new Date(),
});

const refresh = (token: string) => store.api.post('/api/v1/auth/refresh').send({ refresh_token: token });
const logout = (token: string) => store.api.post('/api/v1/auth/logout').send({ refresh_token: token });
const sessionOf = (token: string) => refreshTokens.read(token)?.sessionId ?? '';
const family = (token: string) => types.Uuid.fromString(sessionOf(token));

async function exchanged(token: string): Promise<Tokens> {
  return (await refresh(token).expect(200)).body;
}

async function assertRefused(token: string): Promise<void> {
  const { status, body } = await refresh(token);
  assert.deepEqual([status, body.code], [401, 'invalid_refresh_token']);
}

async function revokedSubjects(): Promise<string[]> {
  const { body } = await store.api
    .get(`/internal/revocations?since=${Date.now() - 60_000}`)
    .auth(serviceToken('cart', 'user', 'revocations:read'), { type: 'bearer' })
    .expect(200);
  return body.data.map(({ subject }: { subject: string }) => subject);
}

async function timesToLive(token: string): Promise<number[]> {
  const { rows } = await store.database.execute(
    `SELECT TTL(user_id) AS a, TTL(current_hash) AS b, TTL(generation) AS c, TTL(revoked) AS d, TTL(created_at) AS e,
       TTL(family_hash) AS f
     FROM refresh_families WHERE family_id = ?`,
    [family(token)],
  );
  const [row] = rows;
  return [row?.a, row?.b, row?.c, row?.d, row?.e, row?.f];
}

function age(token: string, days: number): Promise<unknown> {
  const createdAt = new Date(Date.now() - days * 86_400_000);
  return store.database.execute('UPDATE refresh_families SET created_at = ? WHERE family_id = ? IF EXISTS', [
    createdAt,
    family(token),
  ]);
}

function setStatus(id: string, status: string): Promise<unknown> {
  return store.database.execute('UPDATE users SET status = ? WHERE user_id = ? IF EXISTS', [
    status,
    types.Uuid.fromString(id),
  ]);
}

test('a sign-in answers with exactly the four OAuth fields, and no-store', async () => {
  const person = await signUp();
  const response = await store.api.post('/api/v1/auth/login').send({ email: person.email, password: person.password });
  assert.deepEqual(Object.keys(response.body), ['access_token', 'refresh_token', 'token_type', 'expires_in']);
  assert.deepEqual([response.body.token_type, response.body.expires_in], ['Bearer', 600]);
  assert.equal(response.headers['cache-control'], 'no-store');
});

test('an access token names the user and the session, is signed by a published key, and opens the profile', async () => {
  const person = await signUp();
  const { body: keys, headers } = await store.api.get('/.well-known/jwks.json').expect(200);
  assert.match(headers['cache-control'] ?? '', /^public/);
  const decoded = jwt.decode(person.access_token, { complete: true });
  const key = keys.keys.find(({ kid }: { kid: string }) => kid === decoded?.header.kid);
  const claims = jwt.verify(person.access_token, createPublicKey({ key, format: 'jwk' }), {
    algorithms: ['ES256'],
  }) as jwt.JwtPayload;

  assert.equal(decoded?.header.typ, 'at+jwt');
  const { iat = 0, exp = 0, ...who } = claims;
  assert.equal(exp - iat, 600);
  assert.deepEqual(who, {
    iss: 'product-store',
    aud: 'product-store',
    sub: person.id,
    sid: sessionOf(person.refresh_token),
    role: 'user',
  });
  const profile = await store.api.get('/api/v1/auth/profile').auth(person.access_token, { type: 'bearer' }).expect(200);
  assert.equal(profile.body.id, person.id);
});

test('all public keys are published, the signing one first, and nothing private', async () => {
  const { body } = await store.api.get('/.well-known/jwks.json').expect(200);
  assert.deepEqual(
    body.keys.map(({ kid }: { kid: string }) => kid),
    ['users-2', 'users-1'],
  );
  for (const key of body.keys) assert.deepEqual(Object.keys(key).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
});

test('a refresh returns a new pair for the same session, again and again', async () => {
  const person = await signUp();
  let token = person.refresh_token;
  for (let generation = 1; generation <= 5; generation += 1) {
    const pair = await exchanged(token);
    assert.deepEqual(Object.keys(pair), ['access_token', 'refresh_token', 'token_type', 'expires_in']);
    assert.equal(sessionOf(pair.refresh_token), sessionOf(person.refresh_token));
    assert.equal(refreshTokens.read(pair.refresh_token)?.generation, generation);
    assert.equal((jwt.decode(pair.access_token) as jwt.JwtPayload).sid, sessionOf(token));
    token = pair.refresh_token;
  }
});

test('a refresh token and the secret that it shares with its family are stored only as SHA-256', async () => {
  const { refresh_token } = await signUp();
  const { rows } = await store.database.execute('SELECT * FROM refresh_families WHERE family_id = ?', [
    family(refresh_token),
  ]);
  const bytes = Buffer.from(refresh_token, 'base64url');
  const familySecret = bytes.subarray(20, 36);
  assert.equal(rows[0]?.current_hash, hash('sha256', bytes));
  assert.equal(rows[0]?.family_hash, hash('sha256', familySecret));
  for (const secret of [familySecret, bytes.subarray(36)])
    for (const encoding of ['hex', 'base64url', 'base64'] as const)
      assert.ok(!JSON.stringify(rows).includes(secret.toString(encoding)));
  assert.ok(!JSON.stringify(rows).includes(refresh_token.slice(27)));
});

test('when the thief is first, the owner’s refresh ends the session of both', async () => {
  const owner = await signUp();
  const thief = await exchanged(owner.refresh_token);
  await assertRefused(owner.refresh_token);
  await assertRefused(thief.refresh_token);
  assert.ok((await revokedSubjects()).includes(sessionOf(owner.refresh_token)));
});

test('when the owner is first, the thief’s refresh ends the session of both', async () => {
  const thief = await signUp();
  const owner = await exchanged(await exchanged(thief.refresh_token).then((pair) => pair.refresh_token));
  await assertRefused(thief.refresh_token);
  await assertRefused(owner.refresh_token);
  assert.ok((await revokedSubjects()).includes(sessionOf(thief.refresh_token)));
});

test('reuse is logged once, with the session and without the token', async () => {
  const { refresh_token } = await signUp();
  const next = await exchanged(refresh_token);
  for (let times = 0; times < 3; times += 1) await assertRefused(refresh_token);
  const lines = store.logs.filter(
    ({ event, text }) => event === 'refresh_reuse' && text.includes(sessionOf(refresh_token)),
  );
  assert.deepEqual(
    lines.map(({ level }) => level),
    ['warn'],
  );
  for (const secret of [refresh_token, next.refresh_token]) assert.ok(!lines[0]?.text.includes(secret));
});

test('reuse ends one session and leaves the user’s others alone', async () => {
  const person = await signUp();
  const other = await signIn(person);
  await exchanged(person.refresh_token);
  await assertRefused(person.refresh_token);
  await exchanged(other.refresh_token);
});

test('of fifty concurrent refreshes of one token one succeeds at most, and the session is over', async () => {
  const { refresh_token } = await signUp();
  const answers = await Promise.all(Array.from({ length: 50 }, () => refresh(refresh_token)));
  const children = answers.filter(({ status }) => status === 200);
  assert.ok(children.length <= 1, `${children.length} children`);
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200, 401]));
  for (const { body } of children) await assertRefused(body.refresh_token);
  await assertRefused(refresh_token);
  assert.equal(store.logs.filter(({ text }) => text.includes(sessionOf(refresh_token))).length, 1);
});

test('a refresh that loses the race ends the session, its access tokens first, so that a crash in between is repaired', async () => {
  const token = refreshTokens.create(crypto.randomUUID());
  const steps: string[] = [];
  const step = (name: string, result: unknown) => async () => {
    steps.push(name);
    return result;
  };
  const current = { ...token, currentHash: token.hash, userId: 'somebody', isRevoked: false, createdAt: new Date() };
  const sessions = createSessionService({
    users: { findActive: async () => ({}) },
    sessions: { find: async () => current, rotate: step('rotate', false), revoke: step('revoke', true) },
    revocations: { revokeSession: step('revoke access tokens', undefined) },
    refreshTokens,
    now: () => new Date(),
    countRefresh: (outcome: string) => steps.push(outcome),
    warnOfReuse: () => steps.push('warn'),
  } as never);
  await assert.rejects(sessions.refresh(token.text), { status: 401, code: 'invalid_refresh_token' });
  assert.deepEqual(steps, ['rotate', 'reused', 'revoke access tokens', 'revoke', 'warn']);
});

test('a session leaves the list only once its end is written: after an earlier crash it can be ended again', async () => {
  const session = newSession('current');
  const steps: string[] = [];
  const revokeWith = (conditional: () => Promise<unknown>) =>
    createSessionRepository({
      conditional: async (name: string) => {
        steps.push(name);
        return conditional();
      },
      write: async (name: string) => void steps.push(name),
    } as never).revoke(session, 60);
  await assert.rejects(revokeWith(() => Promise.reject(databaseUnavailable())));
  assert.deepEqual(steps.splice(0), ['sessions.revoke']);
  assert.equal(await revokeWith(async () => ({ applied: true, uncertain: false })), true);
  assert.deepEqual(steps, ['sessions.revoke', 'families_by_user.forget']);
});

test('a refresh whose exchange was made without an answer returns the pair; if it wasn’t, or nobody knows, nothing ends', async () => {
  const token = refreshTokens.create(crypto.randomUUID());
  const current = { ...token, currentHash: token.hash, userId: 'somebody', isRevoked: false, createdAt: new Date() };
  const refreshAgainst = (found: (newHash: string) => object | Promise<never>) => {
    let stored: () => unknown = () => current;
    return createSessionService({
      users: { findActive: async () => ({}) },
      sessions: {
        find: async () => stored(),
        rotate: async (_session: unknown, newHash: string) => {
          stored = () => found(newHash);
          throw databaseUnavailable();
        },
      },
      refreshTokens,
      now: () => new Date(),
      issueAccessToken: () => 'access',
      countRefresh: (outcome: string) => assert.equal(outcome, 'refreshed'),
    } as never).refresh(token.text);
  };
  const made = (newHash: string) => ({ ...current, currentHash: newHash });
  const pair = await refreshAgainst(made);
  assert.equal(refreshTokens.read(pair.refreshToken)?.generation, 1);
  const unknown = { status: 503, code: 'database_unavailable' };
  await assert.rejects(
    refreshAgainst(() => current),
    unknown,
  );
  await assert.rejects(
    refreshAgainst(() => made('of somebody else')),
    unknown,
  );
  await assert.rejects(
    refreshAgainst((newHash) => ({ ...made(newHash), isRevoked: true })),
    unknown,
  );
  await assert.rejects(
    refreshAgainst(() => Promise.reject(databaseUnavailable())),
    unknown,
  );
});

test('a session opened on facts that have changed meanwhile is ended, and the sign-in decided again', async () => {
  const steps: string[] = [];
  const opened: string[] = [];
  const step = (name: string) => async (session: string | { sessionId: string }) => {
    const sessionId = typeof session === 'string' ? session : session.sessionId;
    if (name === 'open') opened.push(sessionId);
    steps.push(`${name} ${opened.indexOf(sessionId)}`);
  };
  const proofs = [{ user: { role: 'admin' } }, { user: { role: 'user' } }];
  const loginWith = (answers: object[]) =>
    createSessionService({
      users: {
        authenticate: async () => {
          steps.push('authenticate');
          return answers.shift();
        },
        isCurrent: async (proof: object) => proof !== proofs[0],
      },
      sessions: { open: step('open'), revoke: step('revoke') },
      revocations: { revokeSession: step('revoke access tokens of') },
      throttle: { assertAllowed: async () => {}, noteSuccess: async () => {}, noteFailure: async () => {} },
      refreshTokens,
      now: () => new Date(),
      issueAccessToken: ({ role }: { role: string }, sessionId: string) => `${role} ${opened.indexOf(sessionId)}`,
      countLogin: (outcome: string) => steps.push(outcome),
    } as never).login({ email: '', password: '', ip: '' });

  const ended = ['authenticate', 'open 0', 'revoke access tokens of 0', 'revoke 0'];
  assert.equal((await loginWith([...proofs])).accessToken, 'user 1');
  assert.deepEqual(steps.splice(0), [...ended, 'authenticate', 'open 1', 'succeeded']);

  opened.length = 0;
  await assert.rejects(loginWith(proofs.slice(0, 1)), { status: 401, code: 'invalid_credentials' });
  assert.deepEqual(steps, [...ended, 'authenticate', 'refused']);
});

test('ending one user’s many sessions doesn’t hold up another user’s', async () => {
  const stuck = Array.from({ length: 100 }, () => 'stuck');
  const looked: string[] = [];
  const sessions = createSessionService({
    sessions: {
      listOf: async (userId: string) => (userId === 'somebody' ? stuck : ['free']),
      find: (sessionId: string) => {
        looked.push(sessionId);
        return sessionId === 'stuck' ? new Promise(() => {}) : Promise.resolve(undefined);
      },
    },
  } as never);
  for (const userId of ['somebody', 'somebody else']) sessions.endAll(userId);
  await setImmediate();
  assert.deepEqual(looked, [...stuck.slice(0, 16), 'free'], 'sixteen at once');
});

test('a session’s id, which every access token shows, is not enough to end the session', async () => {
  const { refresh_token } = await signUp();
  const current = (await exchanged((await exchanged(refresh_token)).refresh_token)).refresh_token;
  for (const generation of [0, 1, 2, 3, 2 ** 32 - 1]) {
    const madeUp = Buffer.from(refreshTokens.create(sessionOf(current)).text, 'base64url');
    madeUp.writeUInt32BE(generation, 16);
    const text = madeUp.toString('base64url');
    assert.deepEqual([sessionOf(text), refreshTokens.read(text)?.generation], [sessionOf(current), generation]);
    await assertRefused(text);
    await logout(text).expect(204);
  }
  assert.ok(!(await revokedSubjects()).includes(sessionOf(current)));
  await exchanged(current);
});

test('a token of the current or a later generation that isn’t the session’s one valid token ends nothing', async () => {
  const { refresh_token } = await signUp();
  const first = Buffer.from(refresh_token, 'base64url');
  const otherSecret = Buffer.concat([first.subarray(0, 36), Buffer.alloc(32, 7)]).toString('base64url');
  for (const text of [otherSecret, refreshTokens.createNext(refresh_token).text]) {
    assert.equal(refreshTokens.read(text)?.familyHash, refreshTokens.read(refresh_token)?.familyHash);
    await assertRefused(text);
    await logout(text).expect(204);
  }
  await exchanged(refresh_token);
});

test('unknown, garbled, expired, spent and revoked tokens are refused in the same words', async () => {
  const [spent, loggedOut, old] = [await signUp(), await signUp(), await signUp()];
  await exchanged(spent.refresh_token);
  await logout(loggedOut.refresh_token).expect(204);
  await age(old.refresh_token, 31);
  const tokens = [
    spent.refresh_token,
    loggedOut.refresh_token,
    old.refresh_token,
    refreshTokens.create(crypto.randomUUID()).text,
    'garbled',
    `${old.refresh_token}=`,
    old.access_token,
    '🐎',
  ];
  const answers = await Promise.all(tokens.map((token) => refresh(token)));
  for (const { status, body, headers } of answers) {
    assert.equal(status, 401);
    assert.equal(headers['www-authenticate'], 'Bearer');
    assert.deepEqual({ ...body, requestId: '' }, { ...answers[0]?.body, requestId: '' });
  }
});

test('every cell of a session lives 14 days from its last refresh, and none past its 30th day', async () => {
  const { refresh_token } = await signUp();
  assert.ok((await timesToLive(refresh_token)).every((ttl) => ttl > 14 * 86_400 - 60 && ttl <= 14 * 86_400));

  await age(refresh_token, 29);
  const { refresh_token: next } = await exchanged(refresh_token);
  assert.ok((await timesToLive(next)).every((ttl) => ttl > 86_400 - 60 && ttl <= 86_400));
});

test('an exchange that got no answer finds itself when it is sent again, unless the session was revoked meanwhile', async () => {
  const session = newSession('old');
  const rotateAgainst = (row: object) =>
    createSessionRepository({
      conditional: async () => ({ applied: false, uncertain: true, rows: [row] }),
    } as never).rotate(session, 'new', 60);
  assert.equal(await rotateAgainst({ current_hash: 'new', revoked: false }), true);
  assert.equal(await rotateAgainst({ current_hash: 'new', revoked: true }), false);
  assert.equal(await rotateAgainst({ current_hash: 'other', revoked: false }), false);
  assert.equal(await rotateAgainst({}), false);
});

test('logging out ends the session, its access tokens too, and is always 204', async () => {
  const { refresh_token } = await signUp();
  for (let times = 0; times < 2; times += 1) {
    const response = await logout(refresh_token);
    assert.deepEqual([response.status, response.text], [204, '']);
  }
  await assertRefused(refresh_token);
  assert.ok((await revokedSubjects()).includes(sessionOf(refresh_token)));
  for (const unknown of ['garbled', refreshTokens.create(crypto.randomUUID()).text]) await logout(unknown).expect(204);
});

test('logging out with a spent token ends the session too, however long ago it was spent', async () => {
  for (const refreshes of [1, 3]) {
    const { refresh_token } = await signUp();
    let current = refresh_token;
    for (let times = 0; times < refreshes; times += 1) current = (await exchanged(current)).refresh_token;
    await logout(refresh_token).expect(204);
    await assertRefused(current);
  }
});

test('logging out of one session leaves the others', async () => {
  const person = await signUp();
  const other = await signIn(person);
  await logout(person.refresh_token).expect(204);
  await exchanged(other.refresh_token);
});

test('an access token is refused here within 10 s of its session’s end, one of another session is not', async () => {
  const person = await signUp();
  const other = await signIn(person);
  const profile = ({ access_token }: Tokens) =>
    store.api.get('/api/v1/auth/profile').auth(access_token, { type: 'bearer' });
  await profile(person).expect(200);
  await logout(person.refresh_token).expect(204);

  const deadline = Date.now() + 10_000;
  while ((await profile(person)).status === 200 && Date.now() < deadline) await sleep(200);
  await profile(person).expect(401);
  await profile(other).expect(200);
});

test('a disabled user can neither sign in nor refresh, and gets the answer for a wrong password or a bad token', async () => {
  const person = await signUp();
  const { email, password } = person;
  const wrong = await store.api.post('/api/v1/auth/login').send({ email, password: 'not the password' });
  await setStatus(person.id, 'disabled');

  const disabled = await store.api.post('/api/v1/auth/login').send({ email, password });
  assert.equal(disabled.status, 401);
  assert.deepEqual({ ...disabled.body, requestId: '' }, { ...wrong.body, requestId: '' });
  await assertRefused(person.refresh_token);

  await setStatus(person.id, 'active');
  await exchanged(person.refresh_token);
});

test('a refresh carries the role as it is now', async () => {
  const person = await signUp();
  await store.database.execute("UPDATE users SET role = 'admin' WHERE user_id = ? IF EXISTS", [
    types.Uuid.fromString(person.id),
  ]);
  const pair = await exchanged(person.refresh_token);
  assert.equal((jwt.decode(pair.access_token) as jwt.JwtPayload).role, 'admin');
});

test('a user’s sessions are listed by user', async () => {
  const person = await signUp();
  const other = await signIn(person);
  const { rows } = await store.database.execute('SELECT family_id FROM families_by_user WHERE user_id = ?', [
    types.Uuid.fromString(person.id),
  ]);
  assert.deepEqual(
    rows.map(({ family_id }) => String(family_id)).sort(),
    [person, other].map(({ refresh_token }) => sessionOf(refresh_token)).sort(),
  );
});

test('refreshes are counted by outcome', async () => {
  const count = (outcome: string) => store.metric(`token_refreshes_total{outcome="${outcome}"}`);
  const outcomes = ['refreshed', 'reused', 'refused'];
  const earlier = await Promise.all(outcomes.map(count));
  const { refresh_token } = await signUp();
  await exchanged(refresh_token);
  await assertRefused(refresh_token);
  await assertRefused(refresh_token);
  const later = await Promise.all(outcomes.map(count));
  assert.deepEqual(
    later.map((value, at) => value - (earlier[at] ?? 0)),
    [1, 1, 1],
  );
});

test('only the three other services may read revocations, and only with their scope', async () => {
  const ask = (token: string) =>
    store.api.get(`/internal/revocations?since=${Date.now()}`).auth(token, { type: 'bearer' });
  for (const from of ['product', 'cart', 'order'] as const) {
    await ask(serviceToken(from, 'user', 'revocations:read')).expect(200);
    await ask(serviceToken(from, 'user', 'users:read')).expect(403);
    await ask(serviceToken(from, 'product', 'revocations:read')).expect(401);
  }
  await ask(serviceToken('user', 'user', 'revocations:read')).expect(403);
  await ask(userToken({ role: 'admin' })).expect(401);
  await store.api.get('/internal/revocations?since=0').expect(401);
});

test('revocations reach back to since, across buckets, and 15 minutes at most', async () => {
  const now = Date.now();
  const minutesAgo = [0, 1, 2, 5, 10, 14, 16];
  for (const minutes of minutesAgo) {
    const at = new Date(now - minutes * 60_000);
    const bucket = new Date(at.getTime() - (at.getTime() % 60_000));
    await store.database.execute(
      'INSERT INTO revocations (bucket, at, subject, not_before) VALUES (?, ?, ?, ?) USING TTL 660',
      [bucket, at, `minutes-${minutes}`, new Date(1_767_225_600_000)],
    );
  }
  const since = async (from: number) => {
    const { body } = await store.api
      .get(`/internal/revocations?since=${from}`)
      .auth(serviceToken('order', 'user', 'revocations:read'), { type: 'bearer' })
      .expect(200);
    const ours = body.data.filter(({ subject }: { subject: string }) => subject.startsWith('minutes-'));
    for (const { notBefore } of ours) assert.equal(notBefore, 1_767_225_600);
    return ours.map(({ subject }: { subject: string }) => Number(subject.slice('minutes-'.length))).sort();
  };
  assert.deepEqual(await since(0), [0, 1, 10, 14, 2, 5].sort());
  assert.deepEqual(await since(now - 2 * 60_000 - 1), [0, 1, 2]);
  assert.deepEqual(await since(now - 60_000 + 1), [0]);
  assert.deepEqual(await since(now + 60_000), []);
});
