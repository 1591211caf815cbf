// Integration: a client and a small HTTP server.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, it } from 'node:test';
import { z } from 'zod';
import { createServiceClient, type ServiceClient } from '#platform/client/service-client.ts';
import { silentLogger } from '#platform/logging.ts';
import { createMetrics } from '#platform/metrics.ts';
import { withRequestContext } from '#platform/request-context.ts';
import { newTraceparent } from '#platform/tracing/trace-context.ts';

const circuit = { failureThreshold: 5, timeoutMs: 5000, successThreshold: 2 };
let asked = 0;
const server = createServer((_request, response) => {
  asked += 1;
  response.end('{}');
});
let client: ServiceClient;

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  client = createServiceClient(
    { target: 'product', baseUrls: [baseUrl], circuit, issueToken: () => 'token' },
    createMetrics(),
    silentLogger,
  );
});
after(async () => {
  await client.close();
  server.close();
});

it("requests with hardly any time left don't open the circuit to a healthy service", async () => {
  const call = () =>
    client.call({ method: 'GET', path: '/', scope: 'x', idempotent: true, answers: { 200: z.object({}) } });
  for (const timeLeft of [-1, 0, 30]) {
    for (let requests = 0; requests < 10; requests += 1) {
      const late = { requestId: 'late', traceparent: newTraceparent(false), deadlineAt: Date.now() + timeLeft };
      await assert.rejects(withRequestContext(late, call), { code: 'upstream_unavailable' });
    }
  }
  assert.equal(asked, 0, 'what would be cut off is not begun');
  assert.equal((await call()).status, 200);
});
