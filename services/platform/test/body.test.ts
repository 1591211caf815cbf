import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import type { Express } from 'express';
import supertest from 'supertest';
import { z } from 'zod';
import { createHttpApp } from '#platform/http/app.ts';
import { route } from '#platform/http/route.ts';
import { silentLogger } from '#platform/logging.ts';
import { createMetrics } from '#platform/metrics.ts';

const refuse = () => {
  throw new Error('nobody signs in here');
};

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;
const WRITING = ['post', 'put', 'patch'] as const;

function createApp(): Express {
  const common = { tag: 'Things', access: 'public', status: 204, handle: () => undefined } as const;
  const request = { body: z.strictObject({ name: z.string() }) };
  const routes = [
    ...METHODS.map((method) => route({ ...common, method, path: '/thing', summary: 'Takes no body' })),
    ...WRITING.map((method) => route({ ...common, method, path: '/named', summary: 'Takes a body', request })),
  ];
  const { app } = createHttpApp('product', routes, {
    metrics: createMetrics(),
    logger: silentLogger,
    verifiers: { verifyUser: refuse, verifyService: refuse },
    system: { services: {}, isDatabaseReachable: async () => true, isAccepting: () => true },
  });
  return app;
}

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

  test(`${method.toUpperCase()} without a body in its contract accepts none, or an empty object`, async () => {
    await api[method]('/thing').expect(204);
    await api[method]('/thing').set('Content-Type', 'application/json').expect(204);
    await api[method]('/thing').set({ 'Content-Type': 'text/plain', 'Content-Length': '0' }).expect(204);
    await send('{}').expect(204);
    await send(' { } ').expect(204);
  });

  test(`${method.toUpperCase()} without a body in its contract refuses every field in one, and names it`, async () => {
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

test("a chunked body doesn't get around this", async () => {
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

for (const method of WRITING) {
  const send = (body: string | Buffer, type = 'application/json') =>
    api[method]('/named')
      .set('Content-Type', type)
      .serialize((raw: unknown) => raw as string)
      .send(body as string);

  test(`${method.toUpperCase()} without the body that its contract requires is 400, with or without a type`, async () => {
    const missing = { pointer: '', detail: 'A JSON body is required.' };
    for (const headers of [{}, { 'Content-Type': 'application/json' }, { 'Content-Length': '0' }]) {
      const { body } = await api[method]('/named').set(headers).expect(400);
      assert.deepEqual([body.code, body.errors], ['validation_failed', [missing]]);
    }
  });

  test(`${method.toUpperCase()} with JSON that isn't an object violates the schema; anything but JSON in UTF-8 is malformed`, async () => {
    await send('{"name":"Ünique"}').expect(204);
    for (const scalar of ['null', '7', '"x"', 'true', '[]']) {
      const { body } = await send(scalar).expect(400);
      assert.deepEqual([body.code, body.errors[0].pointer], ['validation_failed', ''], scalar);
    }
    for (const broken of ['{', 'nul', Buffer.from([...Buffer.from('{"name":"'), 0xc3, 0x28, ...Buffer.from('"}')])]) {
      const { body } = await send(broken).expect(400);
      assert.equal(body.code, 'malformed_json');
    }
    await send('{"name":"x"}', 'text/plain').expect(415);
  });
}
