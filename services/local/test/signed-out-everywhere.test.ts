import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '#platform/logging.ts';
import { createService, type Platform, type Service, type ServiceParts } from '#platform/service.ts';
import type { ServiceName } from '#platform/service-names.ts';
import { assembleCart } from '../../cart/src/app.ts';
import { assembleOrder } from '../../order/src/app.ts';
import { assembleProduct } from '../../product/src/app.ts';
import { assembleUser } from '../../user/src/app.ts';
import { ensureFirstAdmin } from '../src/first-admin.ts';
import { codeOf, createShop, newAccount, type Shop, type Tokens } from '../src/shop-client.ts';
import { type TestKeyspaces, useKeyspaces } from '../test-support/cassandra.ts';
import { testServiceConfig, userSigningKeysFile } from '../test-support/service-config.ts';

const ADMIN = { email: 'first@example.com', password: 'a password of the first admin' };
const SERVICES = ['user', 'product', 'cart', 'order'] as const;
const assemblers = { product: assembleProduct, cart: assembleCart, order: assembleOrder, user: assembleUser };
/** One operation of each service that takes a token: a shopper's valid one doesn't get 401. */
const PROTECTED = {
  product: '/api/v1/admin/audit?entity=product',
  cart: '/api/v1/cart',
  order: '/api/v1/orders',
  user: '/api/v1/auth/profile',
};

let keyspaces: TestKeyspaces;
let shop: Shop;
let adminToken: string;
const urls = {} as Record<ServiceName, string>;
const services: Service[] = [];
const servers: Server[] = [];

before(async () => {
  keyspaces = await useKeyspaces();
  for (const name of SERVICES) await start(name);
  shop = createShop(urls.user);
  await makeFirstAdmin();
  adminToken = (await shop.login(ADMIN)).body.access_token;
});

after(async () => {
  await shop?.close();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  for (const service of services) await service.stop();
  await keyspaces.stop();
});

async function start(name: ServiceName): Promise<void> {
  const config = testServiceConfig(name, keyspaces, {
    USER_URL: [urls.user ?? 'http://127.0.0.1:9'],
    USER_SIGNING_KEYS_FILE: userSigningKeysFile,
    BCRYPT_COST: 10,
    CURSOR_SECRET: 'a secret of the tests that is long enough',
    CURRENCY: 'USD',
    ORDER_PROCESSING_DELAY_MS: 3_600_000,
    ORDER_SHIPPED_DELAY_MS: 3_600_000,
    ORDER_DELIVERED_DELAY_MS: 3_600_000,
  });
  const assemble = (platform: Platform): ServiceParts | Promise<ServiceParts> => assemblers[name](platform, config);
  const service = await createService(name, config, assemble, silentLogger);
  services.push(service);
  const server = createServer(service.app).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  urls[name] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  service.start();
}

function makeFirstAdmin(): Promise<boolean> {
  const { contactPoints, localDataCenter, keyspacePrefix, passwords } = keyspaces;
  const store = { cluster: { contactPoints, localDataCenter }, secrets: { rolePasswords: passwords } };
  return ensureFirstAdmin(store as never, { ...ADMIN, email: ' First@Example.com ', bcryptCost: 10, keyspacePrefix });
}

async function signUp() {
  const account = newAccount();
  const { id } = (await shop.register(account)).body;
  return { ...account, id, ...(await shop.login(account)).body };
}

async function statusAt(name: ServiceName, { access_token }: Tokens): Promise<number> {
  const response = await fetch(`${urls[name]}${PROTECTED[name]}`, {
    headers: { authorization: `Bearer ${access_token}` },
  });
  await response.body?.cancel();
  return response.status;
}

const everywhere = (tokens: Tokens) => Promise.all(SERVICES.map((name) => statusAt(name, tokens)));

async function assertRefusedEverywhere(tokens: Tokens, since: number): Promise<void> {
  let seen = await everywhere(tokens);
  while (seen.some((status) => status !== 401) && Date.now() < since + 10_000) {
    await sleep(250);
    seen = await everywhere(tokens);
  }
  assert.deepEqual(seen, [401, 401, 401, 401]);
}

test('all four services refuse a disabled user’s access token within 10 s, and nobody else’s', async () => {
  const [person, neighbour] = [await signUp(), await signUp()];
  assert.deepEqual(await everywhere(person), [200, 403, 200, 200]);
  const disabledAt = Date.now();
  assert.equal((await shop.as(adminToken).changeUser(person.id, { status: 'disabled' })).status, 200);
  await assertRefusedEverywhere(person, disabledAt);
  assert.deepEqual(await everywhere(neighbour), [200, 403, 200, 200]);
});

test('they refuse a demoted admin’s token too', async () => {
  const person = await signUp();
  const admin = shop.as(adminToken);
  await admin.changeUser(person.id, { role: 'admin' });
  const promoted = (await shop.refresh(person.refresh_token)).body;
  assert.deepEqual(await everywhere(promoted), [200, 200, 200, 200]);
  const demotedAt = Date.now();
  assert.equal((await admin.changeUser(person.id, { role: 'user' })).status, 200);
  await assertRefusedEverywhere(promoted, demotedAt);
});

test('after a password change they refuse the user’s other tokens, but not the caller’s', async () => {
  const person = await signUp();
  const other = (await shop.login(person)).body;
  const changedAt = Date.now();
  const { status } = await shop.as(person.access_token).changePassword(person.password, 'another good password');
  assert.equal(status, 204);
  await assertRefusedEverywhere(other, changedAt);
  assert.deepEqual(await everywhere(person), [200, 403, 200, 200]);
});

test('the first admin is created once, signs in with any capitalization, and counts as the last one', async () => {
  assert.equal(await makeFirstAdmin(), false);
  assert.equal((await shop.login({ ...ADMIN, email: 'FIRST@example.com' })).status, 200);
  const { id } = (await shop.as(adminToken).profile()).body;
  const answer = await shop.as(adminToken).changeUser(id, { role: 'user' });
  assert.deepEqual([answer.status, codeOf(answer)], [409, 'last_admin']);
});

test('a first admin whose role was removed does not get it back at a start', async () => {
  const admin = shop.as(adminToken);
  const { id } = (await admin.profile()).body;
  const other = await signUp();
  await admin.changeUser(other.id, { role: 'admin' });
  const otherToken = (await shop.refresh(other.refresh_token)).body.access_token;
  assert.equal((await shop.as(otherToken).changeUser(id, { role: 'user' })).status, 200);
  assert.equal(await makeFirstAdmin(), false);
  assert.equal((await shop.as(otherToken).user(id)).body.role, 'user');
  assert.equal((await shop.as(otherToken).changeUser(other.id, { status: 'disabled' })).status, 409);
});
