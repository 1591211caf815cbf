import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, mock, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { createServiceClient, type ServiceClient } from '#platform/client/service-client.ts';
import { Conflict, Unavailable } from '#platform/errors.ts';
import { createHttpApp } from '#platform/http/app.ts';
import { type Route, route } from '#platform/http/route.ts';
import { createLogger } from '#platform/logging.ts';
import { createMetrics } from '#platform/metrics.ts';
import { currentRequest } from '#platform/request-context.ts';
import { noVerifiers, readySystem } from './support/http-parts.ts';

type Line = Record<string, unknown>;

const CIRCUIT = { failureThreshold: 5, timeoutMs: 1000, successThreshold: 2 };
const Answer = z.strictObject({ traceparent: z.string(), tracestate: z.string().nullable() });
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const TRACEPARENT = `00-${TRACE}-00f067aa0ba902b7-01`;

/** What the log has so far. */
const lines: Line[] = [];
const write = process.stdout.write.bind(process.stdout);
mock.method(process.stdout, 'write', (text: unknown, ...rest: never[]) => {
  if (typeof text !== 'string' || !text.startsWith('{"timestamp"')) return write(text as string, ...rest);
  lines.push(JSON.parse(text));
  return true;
});

describe('a request through two services', () => {
  const servers: Server[] = [];
  let frontUrl: string;
  let back: ServiceClient;

  before(async () => {
    const backUrl = await listen('back', [
      get('/internal/traces', () => ({
        traceparent: currentRequest()?.traceparent ?? '',
        tracestate: currentRequest()?.tracestate ?? null,
      })),
    ]);
    const options = { target: 'back', baseUrls: [backUrl], circuit: CIRCUIT, issueToken: () => 'token' };
    back = createServiceClient(options, createMetrics(), createLogger('front', 'info'));
    frontUrl = await listen('front', [
      get('/api/v1/alone', () => own()),
      get('/api/v1/asking', () => ask()),
      get('/api/v1/slow', () => sleep(550).then(own)),
      get('/api/v1/refused', () => {
        throw new Conflict('not_so', 'It is not so.', { cause: 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln' });
      }),
      get('/api/v1/away', () => {
        throw new Unavailable('database_unavailable', 'Ask again.', { cause: new Error('No answer.') });
      }),
      get('/api/v1/broken', () => {
        throw new Error('Nobody thought of this.');
      }),
      get('/api/v1/things/{id}', () => own(), 'post'),
    ]);
  });
  beforeEach(() => lines.splice(0));
  after(async () => {
    await back.close();
    for (const server of servers) server.close();
  });

  function get(path: string, handle: () => unknown, method: 'get' | 'post' = 'get'): Route {
    const params = z.strictObject(path.includes('{') ? { id: z.string() } : {});
    const answer = handle as () => Promise<z.output<typeof Answer>>;
    return route({
      method,
      path,
      summary: path,
      tag: 'Test',
      access: 'public',
      request: { params },
      response: Answer,
      handle: answer,
    });
  }

  const own = () => ({ traceparent: currentRequest()?.traceparent ?? '', tracestate: null });
  async function ask() {
    const { body } = await back.call({
      method: 'GET',
      path: '/internal/traces',
      scope: 'traces:read',
      idempotent: true,
      answers: { 200: Answer },
    });
    return body;
  }

  async function listen(service: string, routes: Route[]): Promise<string> {
    const logger = createLogger(service, 'info');
    const { app } = createHttpApp(service, routes, {
      metrics: createMetrics(),
      logger,
      verifiers: noVerifiers,
      system: readySystem,
    });
    const server = app.listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async function request(
    path: string,
    { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
  ) {
    const requestId = randomUUID();
    const answer = await fetch(`${frontUrl}${path}`, { method, headers: { 'x-request-id': requestId, ...headers } });
    const body = (await answer.json()) as Line;
    await sleep(20);
    return { requestId, body, told: lines.filter((line) => line.requestId === requestId) };
  }

  test("a quick read that a service answers alone isn't logged", async () => {
    assert.deepEqual((await request('/api/v1/alone')).told, []);
  });

  test('a read in which two services take part is logged by both', async () => {
    const { told } = await request('/api/v1/asking');
    assert.deepEqual(
      told.map(({ service, route: pattern }) => [service, pattern]),
      [
        ['back', '/internal/traces'],
        ['front', '/api/v1/asking'],
      ],
    );
  });

  test('a line has the fields of the schema, with the pattern in place of the path', async () => {
    const { requestId, told } = await request('/api/v1/things/7?token=secret', {
      method: 'POST',
      headers: { traceparent: TRACEPARENT },
    });
    const [refused] = told;
    const { timestamp, durationMs, ...line } = refused ?? {};
    assert.match(String(timestamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.ok(Number.isInteger(durationMs) && Number(durationMs) < 500, String(durationMs));
    assert.deepEqual(line, {
      level: 'info',
      service: 'front',
      message: 'POST /api/v1/things/:id was answered with 400.',
      event: 'request_handled',
      requestId,
      traceId: TRACE,
      method: 'POST',
      route: '/api/v1/things/:id',
      status: 400,
      code: 'validation_failed',
    });
  });

  test('slow reads and refusals are logged with their code, an outage with its cause, and secrets never', async () => {
    const [slow] = (await request('/api/v1/slow')).told;
    assert.ok(slow && Number(slow.durationMs) >= 500);
    const [refused] = (await request('/api/v1/refused')).told;
    assert.deepEqual(
      [refused?.level, refused?.status, refused?.code, refused?.cause],
      ['info', 409, 'not_so', '[redacted]'],
    );
    const [away] = (await request('/api/v1/away')).told;
    assert.deepEqual([away?.level, away?.code, away?.cause], ['warn', 'database_unavailable', 'Error: No answer.']);
    const [nowhere] = (await request('/nowhere')).told;
    assert.deepEqual([nowhere?.status, nowhere?.route, nowhere?.code], [404, 'unmatched', 'not_found']);
    const broken = (await request('/api/v1/broken')).told;
    assert.deepEqual(
      broken.map(({ event, level }) => [event, level]),
      [
        ['request_failed', 'error'],
        ['request_handled', 'warn'],
      ],
    );
  });

  test('a client that disconnects before its answer is logged as Nginx does', async () => {
    const requestId = randomUUID();
    const gone = fetch(`${frontUrl}/api/v1/slow`, {
      headers: { 'x-request-id': requestId },
      signal: AbortSignal.timeout(100),
    });
    await assert.rejects(gone, { name: 'TimeoutError' });
    await sleep(100);
    assert.deepEqual(
      lines.filter((line) => line.requestId === requestId).map(({ status }) => status),
      [499],
    );
  });

  test('a trace is passed on to the next service as received, with its tracestate', async () => {
    const { body } = await request('/api/v1/asking', { headers: { traceparent: TRACEPARENT, tracestate: 'a=b' } });
    assert.deepEqual(body, { traceparent: TRACEPARENT, tracestate: 'a=b' });
  });

  test('a trace is made if there is none, or a malformed one, and the log has its id', async () => {
    const malformed = [
      undefined,
      'no',
      TRACEPARENT.toUpperCase(),
      `${TRACEPARENT}-x`,
      `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    ];
    for (const traceparent of malformed) {
      const { body, told } = await request('/api/v1/asking', {
        headers: { tracestate: 'a=b', ...(traceparent && { traceparent }) },
      });
      const [, traceId] = /^00-([0-9a-f]{32})-[0-9a-f]{16}-00$/.exec(String(body.traceparent)) ?? [];
      assert.ok(traceId && traceId !== TRACE, String(body.traceparent));
      assert.equal(told[0]?.traceId, traceId);
      assert.equal(body.tracestate, null);
    }
  });
});
