import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { CircuitOpen, createCircuit } from '#platform/client/circuit-breaker.ts';
import { type Call, createServiceClient, type ServiceClient } from '#platform/client/service-client.ts';
import { silentLogger } from '#platform/logging.ts';
import { createMetrics, type Metrics } from '#platform/metrics.ts';
import { withRequestContext } from '#platform/request-context.ts';
import { newTraceparent } from '#platform/tracing/trace-context.ts';

const SETTINGS = { failureThreshold: 5, timeoutMs: 150, successThreshold: 2 };

async function stateOf(metrics: Metrics): Promise<number | undefined> {
  return (await metrics.circuitState.get()).values.find(({ labels }) => labels.service === 'other')?.value;
}

describe('a circuit', () => {
  const open = () => {
    const metrics = createMetrics();
    return { metrics, circuit: createCircuit('other', SETTINGS, metrics.circuitState, silentLogger) };
  };
  type Circuit = ReturnType<typeof open>['circuit'];
  const fail = (circuit: Circuit) =>
    assert.rejects(
      circuit.run(async () => Promise.reject(new Error('no'))),
      /^Error: no$/,
    );
  const succeed = (circuit: Circuit) => circuit.run(async () => 'yes');
  const isRefused = (circuit: Circuit) =>
    assert.rejects(
      circuit.run(async () => assert.fail('it was asked')),
      CircuitOpen,
    );

  test('opens after five failures in a row, and not before', async () => {
    const { circuit, metrics } = open();
    for (let failure = 1; failure <= 4; failure += 1) await fail(circuit);
    assert.equal(await stateOf(metrics), 0);
    await succeed(circuit);
    for (let failure = 1; failure <= 4; failure += 1) await fail(circuit);
    assert.equal(circuit.isOpen(), false, 'a success begins the row anew');
    await fail(circuit);
    assert.equal(circuit.isOpen(), true);
    assert.equal(await stateOf(metrics), 1);
    await isRefused(circuit);
  });

  test("never opens after failures that aren't in a row, however many", async () => {
    const { circuit } = open();
    for (let round = 0; round < 30; round += 1) {
      for (let failure = 1; failure <= 4; failure += 1) await fail(circuit);
      await succeed(circuit);
    }
    assert.equal(circuit.isOpen(), false);
  });

  test('lets one probe through after its time, and closes after two successes', async () => {
    const { circuit, metrics } = open();
    for (let failure = 1; failure <= 5; failure += 1) await fail(circuit);
    await sleep(SETTINGS.timeoutMs + 60);
    let end = (_: string) => {};
    const probe = circuit.run(
      () =>
        new Promise((resolve) => {
          end = resolve;
        }),
    );
    await isRefused(circuit);
    assert.equal(await stateOf(metrics), 2);
    end('yes');
    await probe;
    assert.equal(await stateOf(metrics), 2, 'one success is not enough');
    await succeed(circuit);
    assert.equal(await stateOf(metrics), 0);
    for (let failure = 1; failure <= 4; failure += 1) await fail(circuit);
    assert.equal(circuit.isOpen(), false, 'it takes five failures again');
  });

  test('opens again at once if a probe fails, or the call after the first success', async () => {
    const { circuit, metrics } = open();
    for (let failure = 1; failure <= 5; failure += 1) await fail(circuit);
    await sleep(SETTINGS.timeoutMs + 60);
    await fail(circuit);
    assert.equal(await stateOf(metrics), 1);
    await isRefused(circuit);
    await sleep(SETTINGS.timeoutMs + 60);
    await succeed(circuit);
    await fail(circuit);
    assert.equal(await stateOf(metrics), 1);
    await isRefused(circuit);
  });
});

describe('a client of a service', () => {
  interface Seen {
    readonly method: string | undefined;
    readonly headers: IncomingHttpHeaders;
    readonly body: string;
  }
  type Answer = { status: number; body?: unknown; delayMs?: number } | 'hang up';
  let seen: Seen[] = [];
  /** What is answered, in this order; the last one again and again. */
  let answers: Answer[] = [{ status: 200, body: { ok: true } }];
  let metrics: Metrics;
  let client: ServiceClient;

  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    seen.push({ method: request.method, headers: request.headers, body });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer === 'hang up' || answer === undefined) return void request.socket.destroy();
    if (answer.delayMs) await sleep(answer.delayMs);
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
  });
  let baseUrl: string;

  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  beforeEach(async () => {
    await client?.close();
    seen = [];
    metrics = createMetrics();
    client = createServiceClient(
      {
        target: 'other',
        baseUrls: [baseUrl],
        circuit: SETTINGS,
        issueToken: (audience, scope) => `${audience}.${scope}`,
      },
      metrics,
      silentLogger,
    );
  });

  after(async () => {
    await client.close();
    server.closeAllConnections();
    server.close();
  });

  const Ok = z.object({ ok: z.boolean() });
  const call = (overrides: Partial<Call<{ 200: typeof Ok; 409: z.ZodType }>> = {}) =>
    client.call({
      method: 'POST',
      path: '/internal/x',
      scope: 'x:write',
      body: { a: 1 },
      idempotent: true,
      answers: { 200: Ok, 409: z.object({ code: z.string() }) },
      ...overrides,
    });
  const unavailable = { code: 'upstream_unavailable', status: 503, retryAfter: 2 };

  test("sends its token, the body, the request's id and trace, and returns the validated answer", async () => {
    answers = [{ status: 200, body: { ok: true, more: 'not asked for' } }];
    const context = {
      requestId: 'request-1',
      traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
      deadlineAt: Date.now() + 900,
    };
    assert.deepEqual(await withRequestContext(context, () => call()), { status: 200, body: { ok: true } });
    const [{ headers, body, method }] = seen as [Seen];
    assert.equal(method, 'POST');
    assert.equal(body, '{"a":1}');
    assert.equal(headers.authorization, 'Bearer other.x:write');
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(headers['x-request-id'], 'request-1');
    assert.equal(headers.traceparent, context.traceparent);
    const deadline = Number(headers['x-deadline-ms']);
    assert.ok(deadline > 500 && deadline <= 900, `${deadline} ms of 900 are passed on`);
  });

  test("replicas take turns, and one that can't be connected to is skipped, even by calls that may not be repeated", async () => {
    const replica = createServer((_request, response) => {
      counts.other += 1;
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}');
    });
    await new Promise<void>((resolve) => replica.listen(0, '127.0.0.1', resolve));
    const { port } = replica.address() as AddressInfo;
    const counts = { other: 0 };
    answers = [{ status: 200, body: { ok: true } }];
    await client.close();
    client = createServiceClient(
      {
        target: 'other',
        baseUrls: [baseUrl, `http://127.0.0.1:${port}`, 'http://127.0.0.1:9'],
        circuit: SETTINGS,
        issueToken: () => 'token',
      },
      metrics,
      silentLogger,
    );
    for (let index = 0; index < 12; index += 1) await call({ idempotent: false });
    assert.equal(seen.length + counts.other, 12);
    assert.ok(seen.length >= 4 && counts.other >= 4, `${seen.length} and ${counts.other}`);
    replica.close();
    replica.closeAllConnections();
  });

  test("outside a request the cap is the deadline: 2 s for reads, 3 s for writes, or the call's own", async () => {
    answers = [{ status: 200, body: { ok: true } }];
    await call();
    await client.call({ method: 'GET', path: '/', scope: 'x', idempotent: true, answers: { 200: Ok } });
    await call({ capMs: 250 });
    const deadlines = seen.map(({ headers }) => Number(headers['x-deadline-ms']));
    assert.deepEqual(deadlines, [3000, 2000, 250]);
  });

  for (const failure of [{ status: 503 }, { status: 500, body: {} }, 'hang up'] as Answer[]) {
    test(`repeats an idempotent call after ${JSON.stringify(failure)}, at most twice`, async () => {
      answers = [failure, failure, { status: 200, body: { ok: true } }];
      assert.equal((await call()).status, 200);
      assert.equal(seen.length, 3);
      answers = [failure];
      seen = [];
      await assert.rejects(call(), unavailable);
      assert.equal(seen.length, 3);
    });

    test(`never repeats another call after ${JSON.stringify(failure)}`, async () => {
      answers = [failure, { status: 200, body: { ok: true } }];
      await assert.rejects(call({ idempotent: false }), unavailable);
      await sleep(600);
      assert.equal(seen.length, 1);
    });
  }

  test("gives up when no time is left, and doesn't retry after that", async () => {
    answers = [{ status: 200, body: { ok: true }, delayMs: 2000 }];
    const startedAt = Date.now();
    const context = { requestId: 'late', traceparent: newTraceparent(false), deadlineAt: Date.now() + 300 };
    await assert.rejects(
      withRequestContext(context, () => call()),
      unavailable,
    );
    assert.ok(Date.now() - startedAt < 1200);
    assert.equal(seen.length, 1);
  });

  test("treats a 4xx as an answer: it isn't retried, and any number of them doesn't open the circuit", async () => {
    answers = [{ status: 409, body: { code: 'no' } }];
    for (let round = 0; round < 12; round += 1) assert.deepEqual(await call(), { status: 409, body: { code: 'no' } });
    assert.equal(seen.length, 12);
    answers = [{ status: 404, body: { code: 'gone' } }];
    for (let round = 0; round < 12; round += 1) await assert.rejects(call(), /404/);
    assert.equal(await stateOf(metrics), 0);
    assert.equal(client.isAvailable(), true);
  });

  test('an open circuit refuses at once without sending anything, and closes again later', async () => {
    answers = [{ status: 503 }];
    for (let round = 0; round < 5; round += 1) await assert.rejects(call({ idempotent: false }), unavailable);
    seen = [];
    const startedAt = Date.now();
    await assert.rejects(call(), unavailable);
    assert.ok(Date.now() - startedAt < 50);
    assert.equal(client.isAvailable(), false);
    assert.equal(seen.length, 0);
    answers = [{ status: 200, body: { ok: true } }];
    await sleep(SETTINGS.timeoutMs + 60);
    await call();
    await call();
    assert.equal(await stateOf(metrics), 0);
  });
});
