import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SERVICE_NAMES } from '#platform/service-names.ts';
import { type Answer, bodyOf, type Sent, SOMEWHERE } from '../../src/shop-client.ts';
import type { RunningStore } from '../running-store.ts';
import type { Scene } from './scene.ts';

/** ms within which Nginx writes its buffered lines. */
const FLUSHED = 1500;
/** What access tokens, password hashes and cart tokens look like. */
const SECRET_SHAPES = [/\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*/, /\$2[aby]\$\d\d\$/, /\bcart_[\w-]{20,}/];

/** Sends secrets in every place that takes one, then reads every log and every metric. */
export function canaries(running: () => RunningStore, scene: () => Scene): void {
  test('no secret that anyone sends or receives is in any log or metric', async (context) => {
    const { shop, store } = running();
    const { people } = scene();
    const secrets: Record<string, string> = {};
    const canary = (name: string) => {
      secrets[name] = `canary${randomBytes(12).toString('hex')}`;
      return secrets[name];
    };
    const post = <Body>(path: string, body: unknown, rest: Partial<Sent> = {}): Promise<Answer<Body>> =>
      shop.send({ method: 'POST', path, body, ...rest });

    const email = `${randomUUID()}@example.com`;
    const account = { email, password: canary('password'), name: 'Cara Canary' };
    bodyOf(await shop.register(account), 201);
    assert.equal((await shop.register(account)).status, 409);
    assert.equal((await shop.login({ email, password: canary('wrong password') })).status, 401);
    await post('/api/v1/auth/register', { ...account, password: [canary('password in a list')] });
    await post('/api/v1/auth/register', { ...account, [canary('name of an unknown field')]: 1 });
    await post('/api/v1/auth/login', { email: canary('password for an address'), password: 'x' });
    await fetch(`${store.baseUrl}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: `{"email": "a@example.com", "password": "${canary('password in broken JSON')}`,
    });

    const first = bodyOf(await shop.login(account), 200);
    const { access_token: access, refresh_token: refresh } = bodyOf(await shop.refresh(first.refresh_token), 200);
    Object.assign(secrets, { 'first access token': first.access_token, 'spent refresh token': first.refresh_token });
    Object.assign(secrets, { 'access token': access, 'refresh token': refresh });
    assert.equal((await shop.refresh(canary('unknown refresh token'))).status, 401);
    const change = { currentPassword: account.password, newPassword: canary('new password') };
    assert.equal((await post('/api/v1/auth/password', change, { token: access })).status, 204);
    assert.equal((await post('/api/v1/auth/password', change, { token: access })).status, 403);

    const opened: Answer<{ cartToken: string }> = await shop.send({ method: 'POST', path: '/api/v1/cart' });
    secrets['cart token'] = bodyOf(opened, 201).cartToken;
    await people.fillCart({ headers: { 'x-cart-token': secrets['cart token'] } });
    await post('/api/v1/cart/merge', { cartToken: secrets['cart token'] }, { token: access });
    await post('/api/v1/cart/merge', { cartToken: canary('unknown cart token') }, { token: access });
    await shop.send({ method: 'GET', path: '/api/v1/cart', headers: { 'x-cart-token': canary('wrong cart token') } });
    const home = {
      ...SOMEWHERE.shippingAddress,
      name: canary('name'),
      line1: canary('street'),
      line2: canary('floor'),
    };
    await people.fillCart({ token: access });
    bodyOf(await shop.as(access).placeOrder(randomUUID(), { shippingAddress: home }), 201, 202);

    const headers = {
      authorization: `Basic ${canary('Basic password')}`,
      cookie: `session=${canary('cookie')}`,
      'x-api-key': canary('API key'),
    };
    for (const path of ['/api/v1/auth/profile', '/api/v1/orders', '/api/v1/cart', '/api/v1/products', '/nowhere']) {
      await shop.send({ method: 'GET', path, headers });
      await shop.send({ method: 'GET', path, token: canary(`bearer at ${path}`) });
      await shop.send({ method: 'GET', path, query: { access_token: access, password: canary(`query of ${path}`) } });
    }
    await shop.send({ method: 'GET', path: '/api/v1/orders', token: `${access}x` });
    // Reusing a spent token ends the family, which is logged.
    assert.equal((await shop.refresh(first.refresh_token)).status, 401);
    await shop.logout(refresh);
    secrets['the admin’s password'] = people.admin.account.password;
    const { cassandraPassword, rolePasswords, cursorSecrets } = store.secrets;
    Object.assign(secrets, { 'Cassandra’s password': cassandraPassword, ...rolePasswords, ...cursorSecrets });
    await sleep(FLUSHED);

    const places = { ...(await readLogs()), ...(await readMetrics()) };
    assert.ok(Object.keys(places).length >= 2 * SERVICE_NAMES.length + 2, Object.keys(places).join());
    assert.match(places['access.log'] ?? '', /"uri":"\/api\/v1\/auth\/register"/);
    const leaks = Object.entries(places).flatMap(([place, text]) => [
      ...Object.entries(secrets).flatMap(([name, secret]) => (text.includes(secret) ? [`${name} in ${place}`] : [])),
      ...SECRET_SHAPES.flatMap((shape) =>
        shape.exec(text) ? [`${shape.exec(text)?.[0].slice(0, 30)} in ${place}`] : [],
      ),
    ]);
    assert.deepEqual(leaks, []);
    context.diagnostic(`${Object.keys(secrets).length} secrets, ${Object.keys(places).length} places`);
  });

  async function readLogs(): Promise<Record<string, string>> {
    const folders = ['logs', 'cassandra/logs'].map((folder) => join(running().store.dataDir, folder));
    const files = (await Promise.all(folders.map((folder) => readdir(folder, { withFileTypes: true })))).flat();
    const texts = files.map(async ({ name, parentPath }) => [name, await readFile(join(parentPath, name), 'utf8')]);
    return Object.fromEntries(await Promise.all(texts));
  }

  async function readMetrics(): Promise<Record<string, string>> {
    const { urls } = running().store;
    const texts = SERVICE_NAMES.flatMap((service) =>
      urls[service].map(async (url) => [`metrics at ${url}`, await (await fetch(`${url}/metrics`)).text()]),
    );
    return Object.fromEntries(await Promise.all(texts));
  }
}
