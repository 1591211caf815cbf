import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { readSigningKeys } from '#platform/auth/keys.ts';
import { createForger, type Forger } from '../../local/test-support/forger.ts';
import { serviceToken, testKeysDir, userSigningKeysFile } from '../../local/test-support/service-config.ts';
import { newPerson, startUserService, type UserService } from './user-service.ts';

let store: UserService;
let good: string;
let forger: Forger;

before(async () => {
  store = await startUserService();
  const person = newPerson();
  const userId: string = (await store.api.post('/api/v1/auth/register').send(person)).body.id;
  const { email, password } = person;
  good = (await store.api.post('/api/v1/auth/login').send({ email, password })).body.access_token;
  forger = createForger({
    userKeys: readSigningKeys(userSigningKeysFile),
    published: readFileSync(`${testKeysDir}/public/users.json`, 'utf8'),
    good,
    userId,
    serviceKid: 'user-1',
    serviceToken: (audience) => serviceToken('order', audience, 'revocations:read'),
  });
});
after(() => store?.stop());

const PROTECTED = [
  ['get', '/api/v1/auth/profile'],
  ['patch', '/api/v1/auth/profile'],
  ['post', '/api/v1/auth/password'],
  ['get', '/api/v1/users'],
  ['get', '/api/v1/users/7a52d9c4-6c1b-4f0e-9b1c-0d1f2e3a4b5c'],
  ['patch', '/api/v1/users/7a52d9c4-6c1b-4f0e-9b1c-0d1f2e3a4b5c'],
  ['get', '/api/v1/admin/audit?entity=user'],
  ['get', '/internal/revocations?since=0'],
] as const;

test('only what the forger changes keeps the token out', async () => {
  await store.api.get('/api/v1/auth/profile').auth(forger.forge({}), { type: 'bearer' }).expect(200);
  await store.api.get('/api/v1/auth/profile').auth(good, { type: 'bearer' }).expect(200);
});

for (const [method, path] of PROTECTED) {
  test(`every forged token gets the same 401 from ${method.toUpperCase()} ${path}`, async () => {
    const without = await store.api[method](path);
    const expected = { status: 401, challenge: 'Bearer', body: { ...without.body, requestId: '' } };
    assert.equal(without.body.code, 'unauthorized');
    for (const [name, token] of Object.entries(forger.forgeries())) {
      const isInternal = path.startsWith('/internal');
      if (isInternal && name === 'a service’s token') continue;
      const { status, headers, body } = await store.api[method](path).set('Authorization', `Bearer ${token}`);
      const seen = { status, challenge: headers['www-authenticate'], body: { ...body, requestId: '' } };
      assert.deepEqual(seen, expected, name);
    }
  });
}

test('a valid token sent in any other way is refused', async () => {
  const ways = [`Basic ${good}`, good, `Bearer  ${good}`, `Bearer ${good} x`, `Bearer ${good},${good}`, 'Bearer', ''];
  for (const authorization of ways) {
    const { status, body } = await store.api.get('/api/v1/auth/profile').set('Authorization', authorization);
    assert.deepEqual([status, body.code], [401, 'unauthorized'], authorization.slice(0, 12));
  }
  await store.api.get('/api/v1/auth/profile').set('Cookie', `access_token=${good}`).expect(401);
  await store.api.get(`/api/v1/auth/profile?access_token=${good}`).expect(401);
});

test('a public route ignores a bad token', async () => {
  const { status } = await store.api.post('/api/v1/auth/register').set('Authorization', 'Bearer x').send(newPerson());
  assert.equal(status, 201);
});
