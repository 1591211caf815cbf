import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import type { Express } from 'express';
import supertest from 'supertest';
import { createHttpApp } from '#platform/http/app.ts';
import { route } from '#platform/http/route.ts';
import { silentLogger } from '#platform/logging.ts';
import { createMetrics } from '#platform/metrics.ts';

const refuse = () => {
  throw new Error('nobody signs in here');
};

function createApp(): Express {
  const methods = ['get', 'post', 'put', 'patch', 'delete'] as const;
  const routes = methods.map((method) =>
    route({
      method,
      path: '/thing',
      summary: 'Takes no body',
      tag: 'Things',
      access: 'public',
      status: 204,
      handle: () => undefined,
    }),
  );
  const { app } = createHttpApp('product', routes, {
    metrics: createMetrics(),
    logger: silentLogger,
    verifiers: { verifyUser: refuse, verifyService: refuse },
    system: { services: {}, isDatabaseReachable: async () => true, isAccepting: () => true },
  });
  return app;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;
const server = createApp().listen(0, '127.0.0.1');
const api = supertest(server);
before(async () => {
  if (!server.listening) await once(server, 'listening');
});
after(() => {
  server.closeAllConnections();
  server.close();
});

for (const method of METHODS) {
  const send = (text: string, type = 'application/json') =>
    api[method]('/thing')
      .set('Content-Type', type)
      .serialize((body: string) => body)
      .send(text);

  test(`${method.toUpperCase()} without a body in its contract takes none, and an empty object`, async () => {
    await api[method]('/thing').expect(204);
    await api[method]('/thing').set('Content-Type', 'application/json').expect(204);
    await api[method]('/thing').set({ 'Content-Type': 'text/plain', 'Content-Length': '0' }).expect(204);
    await send('{}').expect(204);
    await send(' { } ').expect(204);
  });

  test(`${method.toUpperCase()} without a body in its contract refuses whatever a body holds, and names it`, async () => {
    const { status, body } = await send('{"status":"shipped","role":"admin"}');
    assert.deepEqual([status, body.code], [400, 'validation_failed']);
    assert.deepEqual(body.errors, [
      { pointer: '/status', detail: 'Unknown field.' },
      { pointer: '/role', detail: 'Unknown field.' },
    ]);
    assert.equal((await send('[]')).body.code, 'validation_failed');
    assert.equal((await send('{"__proto__":{}}')).body.code, 'validation_failed');
    assert.equal((await send('{')).body.code, 'malformed_json');
    await send('{}', 'text/plain').expect(415);
    await send(`{"a":"${'x'.repeat(70_000)}"}`).expect(413);
  });
}

test('a body in chunks is no way around it', async () => {
  const { port } = server.address() as AddressInfo;
  const sending = request({
    port,
    method: 'DELETE',
    path: '/thing',
    headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
  });
  sending.write('{"force":');
  sending.end('true}');
  const [response] = await once(sending, 'response');
  response.resume();
  assert.equal(response.statusCode, 400);
});
