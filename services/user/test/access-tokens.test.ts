import assert from 'node:assert/strict';
import { createHmac, createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { readSigningKeys } from '#platform/auth/keys.ts';
import { serviceToken, testKeysDir, userSigningKeysFile } from '../../local/test-support/service-config.ts';
import { newPerson, startUserService, type UserService } from './user-service.ts';

let store: UserService;
let userId: string;
let good: string;

before(async () => {
  store = await startUserService('tokens');
  const person = newPerson();
  userId = (await store.api.post('/api/v1/auth/register').send(person)).body.id;
  const { email, password } = person;
  good = (await store.api.post('/api/v1/auth/login').send({ email, password })).body.access_token;
});
after(() => store?.stop());

const [{ kid, key }, older] = readSigningKeys(userSigningKeysFile);
const publicKey = createPublicKey(key);
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const sessionId = crypto.randomUUID();

type Members = Record<string, unknown>;
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const es256 = (signingKey: KeyObject) => (input: string) =>
  sign('sha256', Buffer.from(input), { key: signingKey, dsaEncoding: 'ieee-p1363' }).toString('base64url');
const hs256 = (secret: string | Buffer) => (input: string) =>
  createHmac('sha256', secret).update(input).digest('base64url');

/** A token like ours, with other header members, claims or signature; `undefined` leaves a member out. */
function forge(header: Members, claims: Members = {}, signature: (input: string) => string = es256(key)): string {
  const now = Math.floor(Date.now() / 1000);
  const input = [
    encode({ alg: 'ES256', typ: 'at+jwt', kid, ...header }),
    encode({
      iss: 'product-store',
      aud: 'product-store',
      sub: userId,
      sid: sessionId,
      role: 'user',
      iat: now,
      exp: now + 600,
      ...claims,
    }),
  ].join('.');
  return `${input}.${signature(input)}`;
}

function forgeries(): Record<string, string> {
  const now = Math.floor(Date.now() / 1000);
  const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const published = readFileSync(`${testKeysDir}/public/users.json`, 'utf8');
  const strangerJwk = stranger.publicKey.export({ format: 'jwk' }) as JsonWebKey;
  const [head = '', body = '', mac = ''] = good.split('.');
  const unsigned = () => '';
  const foreign = es256(stranger.privateKey);
  return {
    'alg none, unsigned': forge({ alg: 'none' }, {}, unsigned),
    'alg nOnE': forge({ alg: 'nOnE' }, {}, unsigned),
    'alg none with our signature': forge({ alg: 'none' }),
    'no alg': forge({ alg: undefined }),
    'ES256 without signature': forge({}, {}, unsigned),
    'HS256 with the public key as PEM': forge({ alg: 'HS256' }, {}, hs256(pem)),
    'HS256 with the public key as DER': forge(
      { alg: 'HS256' },
      {},
      hs256(publicKey.export({ type: 'spki', format: 'der' })),
    ),
    'HS256 with the JWKS': forge({ alg: 'HS256' }, {}, hs256(published)),
    'HS256 with nothing': forge({ alg: 'HS256' }, {}, hs256('')),
    'ES384 named': forge({ alg: 'ES384' }),
    'RS256 named': forge({ alg: 'RS256' }),
    'signed by a stranger': forge({}, {}, foreign),
    'a stranger’s key in jwk': forge({ jwk: strangerJwk }, {}, foreign),
    'a stranger’s key in jwk, no kid': forge({ jwk: strangerJwk, kid: undefined }, {}, foreign),
    'jku to a stranger': forge({ jku: 'http://127.0.0.1:9/jwks.json' }, {}, foreign),
    'x5u to a stranger': forge({ x5u: 'http://127.0.0.1:9/cert.pem' }, {}, foreign),
    'x5c of a stranger': forge({ x5c: ['MIIB'] }, {}, foreign),
    'crit with an unknown member': forge({ crit: ['exp'] }),
    'crit b64': forge({ crit: ['b64'], b64: false }),
    'empty crit': forge({ crit: [] }),
    'unknown kid': forge({ kid: 'users-9' }),
    'kid of the other key': forge({ kid: older?.kid }),
    'kid of a service’s key': forge({ kid: 'user-1' }),
    'kid that climbs folders': forge({ kid: '../../dev/null' }),
    'kid with SQL': forge({ kid: "x' OR '1'='1" }),
    'kid __proto__': forge({ kid: '__proto__' }),
    'kid that is no text': forge({ kid: { toString: kid } }),
    'no kid': forge({ kid: undefined }),
    'typ JWT': forge({ typ: 'JWT' }),
    'typ svc+jwt': forge({ typ: 'svc+jwt' }),
    'no typ': forge({ typ: undefined }),
    'another issuer': forge({}, { iss: 'https://evil.example' }),
    'a service as issuer': forge({}, { iss: 'svc:user' }),
    'no issuer': forge({}, { iss: undefined }),
    'another audience': forge({}, { aud: 'another-store' }),
    'several audiences': forge({}, { aud: ['product-store', 'another-store'] }),
    'no audience': forge({}, { aud: undefined }),
    expired: forge({}, { iat: now - 700, exp: now - 100 }),
    'expired by more than the skew': forge({}, { iat: now - 600, exp: now - 6 }),
    'no exp': forge({}, { exp: undefined }),
    'exp as text': forge({}, { exp: String(now + 600) }),
    'lives too long': forge({}, { exp: now + 601 }),
    'issued in the future': forge({}, { iat: now + 60, exp: now + 120 }),
    'not yet good': forge({}, { nbf: now + 60 }),
    'no iat': forge({}, { iat: undefined }),
    'no subject': forge({}, { sub: undefined }),
    'a subject that is no id': forge({}, { sub: 'ada@example.com' }),
    'a subject in capitals': forge({}, { sub: userId.toUpperCase() }),
    'a subject with more behind it': forge({}, { sub: `${userId}\n` }),
    'a subject in a list': forge({}, { sub: [userId] }),
    'a session that is no id': forge({}, { sid: '1' }),
    'a session in a list': forge({}, { sid: [sessionId] }),
    'no session': forge({}, { sid: undefined }),
    'no role': forge({}, { role: undefined }),
    'unknown role': forge({}, { role: 'root' }),
    'a role in a list': forge({}, { role: ['admin'] }),
    'a service’s token': serviceToken('order', 'user', 'revocations:read'),
    'a service’s token for product-store': serviceToken('order', 'product-store', 'revocations:read'),
    'our signature over other claims': `${head}.${encode({ role: 'admin' })}.${mac}`,
    'a signature cut short': `${head}.${body}.${mac.slice(0, -4)}`,
    'a signature of zeros': `${head}.${body}.${Buffer.alloc(64).toString('base64url')}`,
    'two parts': `${head}.${body}`,
    'four parts': `${good}.${mac}`,
    'claims that are no JSON': `${head}.e30x.${mac}`,
    'a header that is null': `${encode(null)}.${body}.${mac}`,
    'claims that are null': `${head}.${encode(null)}.${mac}`,
    'one word': 'token',
    'very long': forge({}, { padding: 'x'.repeat(5000) }),
  };
}

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

test('what the forger changes is all that keeps the token out', async () => {
  await store.api.get('/api/v1/auth/profile').auth(forge({}), { type: 'bearer' }).expect(200);
  await store.api.get('/api/v1/auth/profile').auth(good, { type: 'bearer' }).expect(200);
});

for (const [method, path] of PROTECTED) {
  test(`every forged token gets one and the same 401 from ${method.toUpperCase()} ${path}`, async () => {
    const without = await store.api[method](path);
    const expected = { status: 401, challenge: 'Bearer', body: { ...without.body, requestId: '' } };
    assert.equal(without.body.code, 'unauthorized');
    for (const [name, token] of Object.entries(forgeries())) {
      const isInternal = path.startsWith('/internal');
      if (isInternal && name === 'a service’s token') continue;
      const { status, headers, body } = await store.api[method](path).set('Authorization', `Bearer ${token}`);
      const seen = { status, challenge: headers['www-authenticate'], body: { ...body, requestId: '' } };
      assert.deepEqual(seen, expected, name);
    }
  });
}

test('other ways to send a good token are no way in', async () => {
  const ways = [`Basic ${good}`, good, `Bearer  ${good}`, `Bearer ${good} x`, `Bearer ${good},${good}`, 'Bearer', ''];
  for (const authorization of ways) {
    const { status, body } = await store.api.get('/api/v1/auth/profile').set('Authorization', authorization);
    assert.deepEqual([status, body.code], [401, 'unauthorized'], authorization.slice(0, 12));
  }
  await store.api.get('/api/v1/auth/profile').set('Cookie', `access_token=${good}`).expect(401);
  await store.api.get(`/api/v1/auth/profile?access_token=${good}`).expect(401);
});

test('a public route takes no notice of a bad token', async () => {
  const { status } = await store.api.post('/api/v1/auth/register').set('Authorization', 'Bearer x').send(newPerson());
  assert.equal(status, 201);
});
