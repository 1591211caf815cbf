import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { stopStaleCassandra } from '../src/cassandra/server.ts';
import { resetStore } from '../src/commands/reset.ts';
import { openDataDir, REPORTS } from '../src/data-dir.ts';
import { ensureKeys } from '../src/keys.ts';
import { stopLeftovers } from '../src/processes.ts';
import { innerPorts, readSettings, type StoreSettings } from '../src/settings.ts';
import type { StoreEvent } from '../src/store/start-context.ts';
import { type Store, startStore } from '../src/store.ts';
import type { Supervised } from '../src/supervisor.ts';
import { eventually } from '../test-support/eventually.ts';

let folder: string;
let settings: StoreSettings;
let store: Store;
const events: StoreEvent[] = [];

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'a store '));
  settings = {
    ...readSettings({}),
    dataDir: path.join(folder, 'data'),
    port: 18_080,
    innerPortOffset: 18_000,
    cassandraHeapMb: 512,
    serviceMain: path.join(import.meta.dirname, 'stand-in-service.ts'),
  };
  process.env.CANARY_OF_THE_LAUNCHER = 'not for children';
  store = await startStore(settings, { onProgress: (event) => events.push(event) });
});

after(async () => {
  await store?.stop();
  await stopLeftovers(path.join(settings.dataDir, 'run'));
  await stopStaleCassandra(path.join(settings.dataDir, 'cassandra'));
  await rm(folder, { recursive: true, force: true });
});

async function get(url: string) {
  const response = await fetch(url);
  return {
    status: response.status,
    body: (await response.json()) as { environment: Record<string, string>; pid: number },
  };
}

const hasAnswered = (url: string) =>
  fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('a running store', () => {
  test('responds for every service through Nginx', async () => {
    for (const url of ['/', '/api/v1/products', '/api/v1/cart', '/api/v1/orders', '/api/v1/users']) {
      assert.equal((await get(`${store.baseUrl}${url}`)).status, 200);
    }
  });

  test('has no monitoring, and no agent in Cassandra, by default', async () => {
    assert.equal(store.monitoring, undefined);
    assert.equal((await readFile(`/proc/${store.cassandra?.pid}/cmdline`, 'utf8')).includes('-javaagent'), false);
    assert.deepEqual(await readdir(path.join(store.dataDir, 'run')), ['cart', 'nginx', 'order', 'product', 'user']);
  });

  test('gives each service its own secrets and nothing else', async () => {
    const environments = await Promise.all(
      (['product', 'cart', 'order', 'user'] as const).map(
        async (name) => (await get(store.urls[name][0] as string)).body.environment,
      ),
    );
    const [product, cart, order, user] = environments as [Record<string, string>, ...Record<string, string>[]];
    assert.deepEqual(
      Object.keys(product).sort(),
      [
        'CASSANDRA_CONTACT_POINTS',
        'CASSANDRA_KEYSPACE',
        'CASSANDRA_LOCAL_DATACENTER',
        'CASSANDRA_PASSWORD',
        'CASSANDRA_USERNAME',
        'CART_URL',
        'CURRENCY',
        'CURSOR_SECRET',
        'HOST',
        'LOG_LEVEL',
        'MALLOC_ARENA_MAX',
        'NODE_COMPILE_CACHE',
        'NODE_ENV',
        'ORDER_URL',
        'PATH',
        'PORT',
        'PRODUCT_URL',
        'SERVICE_KEYS_FILE',
        'SERVICE_KEY_FILE',
        'USER_KEYS_FILE',
        'USER_URL',
      ].sort(),
    );
    assert.equal(new Set(environments.map(({ CASSANDRA_PASSWORD }) => CASSANDRA_PASSWORD)).size, 4);
    assert.equal(new Set(environments.map(({ SERVICE_KEY_FILE }) => SERVICE_KEY_FILE)).size, 4);
    assert.equal(cart?.CURSOR_SECRET, undefined);
    assert.equal(order?.CASSANDRA_KEYSPACE, 'orders');
    assert.equal(order?.USER_SIGNING_KEYS_FILE, undefined);
    assert.ok(user?.USER_SIGNING_KEYS_FILE?.endsWith('/user/user-keys.json'));
    assert.equal(user?.BCRYPT_COST, '10');
  });

  test('lets only their owner read its secrets', async () => {
    for (const file of ['secrets.json', 'keys/user/user-keys.json', 'keys/order/service-key.json']) {
      assert.equal((await stat(path.join(store.dataDir, file))).mode & 0o777, 0o600);
    }
    assert.equal((await stat(store.dataDir)).mode & 0o777, 0o700);
    const issuers = JSON.parse(await readFile(path.join(store.dataDir, 'keys/public/services.json'), 'utf8'));
    assert.deepEqual(Object.keys(issuers), ['svc:product', 'svc:cart', 'svc:order', 'svc:user']);
    assert.equal(JSON.stringify(issuers).includes('"d"'), false);
  });

  test('restarts a killed service, and reports it', async () => {
    const [cart] = store.services.cart as [Supervised];
    const { pid } = cart;
    cart.kill('SIGKILL');
    await eventually(() => events.some((event) => event.kind === 'back' && event.name === 'cart'), Boolean, 15_000);
    assert.ok(
      events.some((event) => event.kind === 'ended' && event.name === 'cart' && event.exit.signal === 'SIGKILL'),
    );
    assert.notEqual(cart.pid, pid);
    assert.equal((await get(`${store.baseUrl}/api/v1/cart`)).body.pid, cart.pid);
  });

  test('restarts a service on request, gracefully', async () => {
    const [order] = store.services.order as [Supervised];
    const { pid } = order;
    await order.restart();
    assert.notEqual(order.pid, pid);
    assert.equal((await get(`${store.baseUrl}/api/v1/orders`)).status, 200);
    assert.equal(
      events.some((event) => event.kind === 'ended' && event.name === 'order'),
      false,
    );
  });

  test('restarts a killed Nginx, although its workers hold the port', async () => {
    store.gateway.kill('SIGKILL');
    await eventually(() => events.some((event) => event.kind === 'back' && event.name === 'nginx'), Boolean, 15_000);
    assert.equal((await get(`${store.baseUrl}/api/v1/cart`)).status, 200);
  });

  test('restarts a killed Cassandra', async () => {
    store.cassandra?.kill('SIGKILL');
    await eventually(
      () => events.some((event) => event.kind === 'back' && event.name === 'cassandra'),
      Boolean,
      60_000,
    );
  });

  test('refuses a second start on the same folder, and a reset', async () => {
    await assert.rejects(startStore({ ...settings, port: 18_081 }), /is already running \(process \d+\)/);
    await assert.rejects(resetStore(settings.dataDir), /is already running/);
    assert.ok((await readdir(store.dataDir)).includes('lock'));
  });

  test('names every taken port and its process', async () => {
    const other = { ...settings, dataDir: path.join(folder, 'other') };
    await assert.rejects(startStore(other), (error: Error) => {
      assert.match(error.message, /Port 18080 for the store is taken by nginx \(process \d+\): .*set PORT/);
      assert.match(error.message, /Port 26000 for the product service is taken by node.*set INNER_PORT_OFFSET/);
      return true;
    });
  });

  test('stops everything and starts again with its data; a reset deletes it', async () => {
    const pids = [...Object.values(store.services).flat(), store.gateway, store.cassandra].map(
      (part) => part?.pid ?? 0,
    );
    await store.stop();
    for (const pid of pids) assert.equal(isRunning(pid), false);
    await store.stop();
    const { secrets } = store;

    // The launcher itself is killed: the next start ends what it left behind, and works.
    const holder = spawn(process.execPath, [path.join(import.meta.dirname, 'hold-store.ts'), JSON.stringify(settings)]);
    const [line] = (await once(holder.stdout, 'data')) as [Buffer];
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    const left = JSON.parse(line.toString()) as { product: number; nginx: number };
    assert.deepEqual([isRunning(left.product), isRunning(left.nginx)], [true, true]);
    await eventually(() => hasAnswered(`${store.baseUrl}/`), Boolean, 15_000);
    events.length = 0;
    store = await startStore(settings, { onProgress: (event) => events.push(event) });
    assert.ok(events.some((event) => event.kind === 'noted' && /an earlier start had left/.test(event.text)));
    assert.deepEqual([isRunning(left.product), isRunning(left.nginx)], [false, false]);
    assert.deepEqual(store.secrets, secrets);
    assert.equal((await get(`${store.baseUrl}/api/v1/cart`)).status, 200);

    await store.stop();
    assert.equal(await resetStore(settings.dataDir), true);
    assert.equal(await resetStore(settings.dataDir), false);
    assert.deepEqual(await readdir(folder), ['other']);
  });
});

describe('a start that fails', () => {
  test('a folder with other contents is left alone', async () => {
    const mine = path.join(folder, 'mine');
    await mkdir(mine);
    await writeFile(path.join(mine, 'thesis.txt'), 'dear');
    await assert.rejects(startStore({ ...settings, dataDir: mine }), /isn't empty and isn't a store's/);
    assert.equal(await resetStore(mine), false);
    assert.deepEqual(await readdir(mine), ['thesis.txt']);
  });

  test('a folder with only reports, of a benchmark or of another store, may become a store', async () => {
    const reported = path.join(folder, 'reported');
    await mkdir(path.join(reported, REPORTS), { recursive: true });
    const taken = await openDataDir(reported, { needsSpace: false });
    assert.equal(taken.isNew, true);
    await taken.release();
    assert.ok((await readdir(reported)).includes(REPORTS));
  });

  test('a service that ends at once is reported with its last output, and nothing is left running', async () => {
    const broken = path.join(folder, 'broken.ts');
    await writeFile(broken, "console.error('CASSANDRA_KEYSPACE is missing'); process.exit(78);");
    const failing = { ...settings, dataDir: path.join(folder, 'failing'), serviceMain: broken };
    await assert.rejects(startStore(failing), /ended at once \(exit code 78\)[\s\S]*CASSANDRA_KEYSPACE is missing/);
    const probes = Object.values(innerPorts(settings.innerPortOffset))
      .flat()
      .map(async (port) => {
        const server = createServer().listen(port, '127.0.0.1');
        await once(server, 'listening');
        server.close();
      });
    await Promise.all(probes);
  });

  test('all invalid settings are named at once', () => {
    assert.throws(
      () => readSettings({ PORT: 'x', ADMIN_PASSWORD: 'short', CURRENCY: 'dollar' }),
      (error: Error) => ['PORT', 'ADMIN_PASSWORD', 'CURRENCY'].every((name) => error.message.includes(name)),
    );
  });
});

test('existing keys stay, so that tokens stay valid', async () => {
  const keys = path.join(folder, 'keys');
  const { userKeys } = await ensureKeys(keys);
  const before = await readFile(userKeys, 'utf8');
  await ensureKeys(keys);
  assert.equal(await readFile(userKeys, 'utf8'), before);
});
