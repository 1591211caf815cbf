import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureTools } from '../../services/local/src/tools.ts';
import { freePort } from '../../services/local/test-support/free-port.ts';
import { checkGateway, findNginx, gatewayArguments, renderGateway } from '../gateway.ts';

/** What the name server says now. */
const addresses = new Map<string, readonly string[]>();
const FIRST = '127.0.0.2';
const SECOND = '127.0.0.3';

let folder: string;
let nginx: ChildProcess;
let door: string;
let servicePort: number;
const names = dgram.createSocket('udp4');
const replicas: http.Server[] = [];

before(async () => {
  await ensureTools(['nginx']);
  folder = await mkdtemp(path.join(tmpdir(), 'store-names-'));
  names.on('message', (query, { port, address }) => names.send(answerTo(query), port, address));
  names.bind(0, '127.0.0.1');
  await once(names, 'listening');
  servicePort = await listen(0, FIRST);
  await listen(servicePort, SECOND);

  // As docker-compose.yml has it: one folder to read, another one to write.
  for (const name of ['state/temp', 'state/cache', 'settings'])
    await mkdir(path.join(folder, name), { recursive: true });
  const listenAt = `127.0.0.1:${await freePort()}`;
  const configFile = renderGateway({
    configDir: path.join(folder, 'settings'),
    stateDir: path.join(folder, 'state'),
    accessLogs: [path.join(folder, 'access.log')],
    errorLog: path.join(folder, 'error.log'),
    listen: listenAt,
    statusListen: `127.0.0.1:${await freePort()}`,
    servers: { resolver: `127.0.0.1:${names.address().port}`, port: servicePort },
    limits: false,
  });
  await checkGateway(configFile);
  nginx = spawn(findNginx() ?? 'nginx', gatewayArguments(configFile), { stdio: 'ignore' });
  door = `http://${listenAt}`;
  while (!(await fetch(`${door}/nothing`).catch(() => undefined))) await sleep(50);
});

after(async () => {
  if (nginx?.kill('SIGTERM')) await once(nginx, 'exit');
  for (const replica of replicas) replica.close().closeAllConnections();
  names.close();
  await rm(folder, { recursive: true, force: true });
});

/** A replica that says where it is. */
async function listen(port: number, host: string): Promise<number> {
  const server = http.createServer((_request, response) => response.end(host)).listen(port, host);
  await once(server, 'listening');
  replicas.push(server);
  return (server.address() as AddressInfo).port;
}

/** All A records of the name that is asked for (RFC 1035), or that there is none. */
function answerTo(query: Buffer): Buffer {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  const question = query.subarray(12, at + 5);
  const found = addresses.get(labels.join('.')) ?? [];
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(found.length > 0 ? 0x8180 : 0x8183, 2);
  header.writeUInt16BE(found.length, 6);
  header.fill(0, 8);
  const records = found.map((ip) =>
    Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 2, 88, 0, 4, ...ip.split('.').map(Number)]),
  );
  return Buffer.concat([header, question, ...records]);
}

/** Which replicas answered `count` requests; every one of them must have been answered. */
async function whoAnswers(pathname: string, count = 40, method = 'GET'): Promise<string[]> {
  const seen = new Set<string>();
  for (let sent = 0; sent < count; sent += 1) {
    const response = await fetch(`${door}${pathname}`, { method });
    const text = await response.text();
    assert.equal(response.status, 200, `${text}\n${await readFile(path.join(folder, 'error.log'), 'utf8')}`);
    seen.add(text);
  }
  return [...seen].sort();
}

test('replicas behind a name are noticed coming and going within 2 seconds, without a reload', async () => {
  addresses.set('order', [FIRST]);
  assert.deepEqual(await whoAnswers('/api/v1/orders'), [FIRST]);
  addresses.set('order', [FIRST, SECOND]);
  await sleep(2000);
  assert.deepEqual(await whoAnswers('/api/v1/orders'), [FIRST, SECOND]);
  addresses.set('order', [SECOND]);
  await sleep(2000);
  assert.deepEqual(await whoAnswers('/api/v1/orders'), [SECOND]);
});

test("replicas that aren't listening, yet or any longer, lose no request, not even a write", async () => {
  addresses.set('cart', ['127.0.0.4', FIRST, '127.0.0.5', '127.0.0.6']);
  assert.deepEqual(await whoAnswers('/api/v1/cart/items', 40, 'POST'), [FIRST]);
});

test("each path goes to its service's name", async () => {
  for (const name of ['product', 'cart', 'order', 'user', 'any_service']) addresses.set(name, [FIRST]);
  await sleep(2000);
  for (const pathname of ['/', '/api/v1/products', '/api/v1/cart', '/api/v1/users', '/openapi/user.json', '/swagger/'])
    assert.deepEqual(await whoAnswers(pathname, 1), [FIRST]);
});

test('an unknown name is a problem that says when to retry', async () => {
  addresses.delete('user');
  await sleep(2000);
  const response = await fetch(`${door}/api/v1/users`);
  assert.equal(response.status, 502);
  assert.equal(response.headers.get('content-type'), 'application/problem+json');
  assert.equal(((await response.json()) as { code: string }).code, 'upstream_unavailable');
});
