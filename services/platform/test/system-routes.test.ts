// The routes that every service has in common, and what they refuse.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { after, test } from 'node:test';
import supertest from 'supertest';
import { createHttpApp } from '#platform/http/app.ts';
import type { SystemParts } from '#platform/http/system.ts';
import { silentLogger } from '#platform/logging.ts';
import { createMetrics } from '#platform/metrics.ts';
import { noVerifiers } from './support/http-parts.ts';

function apiOf(isDatabaseUp: boolean, services: SystemParts['services'] = {}) {
  const { app } = createHttpApp('product', [], {
    metrics: createMetrics(),
    logger: silentLogger,
    verifiers: noVerifiers,
    system: { services, isAccepting: () => true, isDatabaseReachable: async () => isDatabaseUp },
  });
  return supertest(app);
}

const api = apiOf(true);
const servers: Server[] = [];
after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(handler: RequestListener): Promise<string> {
  const server = createServer(handler).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const PATHS = [
  '/',
  '/front-page.css',
  '/front-page.js',
  '/health/liveness',
  '/health/readiness',
  '/api/system/health',
  '/openapi.json',
  '/openapi/product.json',
  '/swagger',
  '/swagger/',
  '/swagger/swagger-ui.css',
];

for (const path of PATHS) {
  test(`${path} is read-only: any other method is 405 with Allow`, async () => {
    assert.ok((await api.get(path)).status < 400);
    assert.ok((await api.head(path)).status < 400);
    for (const method of ['post', 'put', 'patch', 'delete'] as const) {
      const { status, headers, body } = await api[method](path);
      assert.deepEqual([status, body.code], [405, 'method_not_allowed']);
      assert.equal(headers.allow, 'GET, HEAD, OPTIONS');
    }
    const { headers } = await api.options(path).expect(204);
    assert.equal(headers.allow, 'GET, HEAD, OPTIONS');
  });
}

test("the system's health takes no query parameters", async () => {
  const { body } = await api.get('/api/system/health?deep=true').expect(400);
  assert.equal(body.code, 'validation_failed');
  assert.deepEqual(body.errors, [{ pointer: '/deep', detail: 'Unknown parameter.' }]);
});

test('without its database a service is 503 with Retry-After, but alive', async () => {
  const down = apiOf(false);
  for (const path of ['/health/readiness', '/api/system/health']) {
    const { headers, body } = await down.get(path).expect(503);
    assert.equal(body.status, 'down');
    assert.equal(headers['retry-after'], '1');
    assert.equal(headers['cache-control'], 'no-store');
  }
  await down.get('/health/liveness').expect(200);
});

test('a service is up while one of its replicas is ready, and none is waited for longer than a second', {
  timeout: 10_000,
}, async () => {
  const ready = await serve((_, response) => void response.end('{}'));
  const refusing = await serve((_, response) => void response.writeHead(503).end());
  const silent = await serve(() => undefined);
  const unfinished = await serve((_, response) => void response.writeHead(503).write('{'));
  const nobody = 'http://127.0.0.1:9';
  const startedAt = performance.now();
  const { body } = await apiOf(true, {
    product: [refusing, nobody, ready],
    cart: [refusing],
    order: [nobody],
    user: [silent, unfinished],
  })
    .get('/api/system/health')
    .expect(200);
  assert.ok(performance.now() - startedAt < 2000);
  assert.equal(body.status, 'degraded');
  const statuses = Object.entries<{ status: string }>(body.services).map(([name, { status }]) => [name, status]);
  assert.deepEqual(Object.fromEntries(statuses), { product: 'ok', cart: 'down', order: 'down', user: 'down' });
});

test('a service with an https URL is asked over TLS', async () => {
  const TLS_HANDSHAKE = 0x16;
  const server = createTcpServer((socket) => {
    socket.once('data', ([type]) => {
      firstByte = type;
      socket.destroy();
    });
  }).listen(0, '127.0.0.1');
  let firstByte: number | undefined;
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await apiOf(true, { product: [`https://127.0.0.1:${port}`] }).get('/api/system/health');
  server.close();
  assert.equal(firstByte, TLS_HANDSHAKE);
});
