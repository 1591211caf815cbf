import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SERVICE_NAMES } from '#platform/service-names.ts';
import { findInLogs, inOrder } from '../src/commands/logs.ts';
import { bodyOf, newAccount, type Order, type Sent, SOMEWHERE, type Tokens } from '../src/shop-client.ts';
import { eventually } from '../test-support/eventually.ts';
import type { ReceivedSpan, SpanReceiver } from '../test-support/span-receiver.ts';
import type { RunningStore } from './running-store.ts';

/** ms within which spans have arrived and Nginx has written its lines. */
const ARRIVES = 30_000;
const [SERVER, CLIENT, CONSUMER] = [2, 3, 5];
/** No other attributes leave the store: none of these holds what a caller sent. */
const FACTS = ['http.request.method', 'http.route', 'http.response.status_code', 'db.system.name', 'request.id'];

const isServer = ({ kind }: ReceivedSpan) => kind === SERVER;
const nameOf = ({ service, name }: ReceivedSpan) => `${service}: ${name}`;

/** The traces and logs of one request, in a store that sends its spans to the receiver. */
export function oneRequest(running: () => RunningStore, receiver: () => SpanReceiver): void {
  describe('traces', () => {
    test('a purchase is one trace through all four services, each span under its caller’s', async () => {
      const traceId = randomBytes(16).toString('hex');
      const browser = randomBytes(8).toString('hex');
      await buy(`trace-${randomUUID()}`, { traceparent: `00-${traceId}-${browser}-01` });
      const spans = await traceOf(traceId, browser);
      assert.deepEqual(new Set(spans.map(({ service }) => service)), new Set(SERVICE_NAMES));

      const byId = new Map(spans.map((span) => [span.spanId, span]));
      for (const span of spans) {
        const parent = byId.get(span.parentSpanId ?? '');
        const where = `${nameOf(span)} under ${parent ? nameOf(parent) : span.parentSpanId}`;
        if (span.kind === CLIENT) {
          assert.ok(parent && parent.service === span.service && isServer(parent), where);
          assert.ok(BigInt(parent.startTimeUnixNano) <= BigInt(span.startTimeUnixNano), where);
        } else if (parent) {
          assert.ok(parent.kind === CLIENT && parent.service !== span.service, where);
          assert.ok(parent.name.startsWith(`${span.service} `), where);
        } else {
          assert.equal(span.parentSpanId, browser, where);
        }
        assert.deepEqual(
          span.attributes.map(({ key }) => key).filter((key) => !FACTS.includes(key)),
          [],
          where,
        );
        assert.ok(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano), where);
      }

      const order = spans.find(({ name }) => name === 'POST /api/v1/orders') as ReceivedSpan;
      const asked = spans.filter(({ parentSpanId }) => parentSpanId === order.spanId).map(({ name }) => name);
      const steps = ['due.put', 'cart carts:take', 'product products:read', 'product reservations:write'];
      for (const step of steps) assert.ok(asked.includes(step), `${step} is not among ${asked.join(', ')}`);
      const served = spans.filter(isServer).map(nameOf);
      for (const name of ['cart: POST /internal/carts/:userId/take', 'product: PUT /internal/reservations/:orderId'])
        assert.ok(served.includes(name), `${name} is not among ${served.join(', ')}`);
      assert.ok(asked.length > steps.length, 'statements are among them');
    });

    test('a request without a trace starts one, which Nginx has in its log', async () => {
      const id = `door-${randomUUID()}`;
      await buy(id, {});
      const [line] = await linesOf(`${id}-order`, (lines) => lines.some(({ from }) => from === 'nginx'));
      const traceId = String(line?.fields.traceId);
      const spans = await traceOf(traceId);
      const first = spans.filter(({ parentSpanId }) => !parentSpanId);
      assert.deepEqual(first.map(nameOf), ['order: POST /api/v1/orders']);
    });

    test('deferred work is a trace of its own, linked to the one it comes from', async () => {
      const traceId = randomBytes(16).toString('hex');
      await buy(`due-${randomUUID()}`, { traceparent: `00-${traceId}-00f067aa0ba902b7-01` });
      const linked = () =>
        receiver().spans.filter(
          ({ kind, links }) => kind === CONSUMER && links?.some((link) => link.traceId === traceId),
        );
      const [work] = await eventually(
        async () => linked(),
        (found) => found.length > 0,
        ARRIVES,
      );
      assert.notEqual(work?.traceId, traceId);
      assert.ok(!work?.parentSpanId);
    });

    test('a caller’s trace that is not sampled has no spans, and neither has what services do by themselves', async () => {
      const traceId = randomBytes(16).toString('hex');
      await buy(`quiet-${randomUUID()}`, { traceparent: `00-${traceId}-00f067aa0ba902b7-00` });
      await sleep(7000);
      assert.deepEqual(
        receiver()
          .spans.filter((span) => span.traceId === traceId)
          .map(nameOf),
        [],
      );
      const names = new Set(receiver().spans.map(nameOf));
      for (const name of ['user: GET /internal/revocations', 'order: due.scan']) assert.ok(!names.has(name), name);
    });
  });

  describe('logs', () => {
    test('a request id finds the lines of Nginx and of every service involved, in order', async () => {
      const id = `logs-${randomUUID()}`;
      await buy(id, {});
      const lines = await linesOf(`${id}-order`, (found) => found.length === 6);
      assert.deepEqual(
        inOrder(lines).map(({ from, fields }) => `${from} ${fields.method} ${fields.route ?? fields.uri}`),
        [
          'nginx POST /api/v1/orders',
          'order POST /api/v1/orders',
          'cart POST /internal/carts/:userId/take',
          'product POST /internal/products/batch',
          'product PUT /internal/reservations/:orderId',
          'product POST /internal/reservations/:orderId/commit',
        ],
      );
      assert.equal(new Set(lines.map(({ fields }) => fields.traceId)).size, 1);

      const { stdout } = await running().command('logs', `${id}-order`);
      const rows = stdout.trim().split('\n').slice(2);
      assert.equal(rows.length, lines.length);
      assert.match(
        rows[0] ?? '',
        /\+0 ms +nginx +info +POST \/api\/v1\/orders → 20[12] in \d+ ms by order at 127\.0\.0\.1:\d+$/,
      );
      const [line] = lines;
      assert.equal(
        (await running().command('logs', String(line?.fields.traceId))).stdout,
        stdout,
        'a trace id finds them too',
      );
      const raw = (await running().command('logs', `${id}-order`, '--json')).stdout.trim().split('\n');
      assert.deepEqual(
        raw.map((text) => JSON.parse(text).requestId),
        rows.map(() => `${id}-order`),
      );
    });

    test('Nginx’s line of a quick read names the service and the process that answered', async () => {
      const id = `read-${randomUUID()}`;
      await running().shop.send({
        method: 'GET',
        path: `/api/v1/products/${randomUUID()}`,
        headers: { 'x-request-id': `${id}-404` },
      });
      await running().shop.send({ method: 'GET', path: '/api/v1/categories', headers: { 'x-request-id': id } });
      const [line] = await linesOf(id, (found) => found.length === 1);
      assert.equal(line?.fields.upstreamService, 'product');
      const refused = await linesOf(`${id}-404`, (found) => found.length === 2);
      assert.deepEqual(refused.map(({ fields }) => fields.code).filter(Boolean), ['product_not_found']);
    });

    test('finding nothing is reported', async () => {
      await assert.rejects(
        running().command('logs', `none-${randomUUID()}`),
        ({ code, stderr }: { code: number; stderr: string }) => {
          assert.match(stderr, /^Nothing about none-/);
          return code === 1;
        },
      );
    });
  });

  /** Signs a new user in, fills a cart and buys it; each request has `headers` and an id that starts with `id`. */
  async function buy(id: string, headers: Record<string, string>) {
    const { shop, catalogue } = running();
    const send = async <Body>(step: string, request: Sent): Promise<Body> => {
      const sent = { ...request, headers: { ...headers, ...request.headers, 'x-request-id': `${id}-${step}` } };
      return bodyOf(await shop.send<Body>(sent), 200, 201, 202);
    };
    const account = newAccount();
    const products = await catalogue.addProducts([{ stock: 10 }, { stock: 10 }]);
    await send('register', { method: 'POST', path: '/api/v1/auth/register', body: account });
    const { name: _, ...login } = account;
    const tokens: Tokens = await send('login', { method: 'POST', path: '/api/v1/auth/login', body: login });
    const token = tokens.access_token;
    for (const { id: productId } of products) {
      const body = { productId, quantity: 1 };
      await send(`item-${productId}`, { method: 'POST', path: '/api/v1/cart/items', token, body });
    }
    const key = { 'idempotency-key': randomUUID() };
    const order = { method: 'POST', path: '/api/v1/orders', token, headers: key, body: SOMEWHERE } as const;
    return send<Order>('order', order);
  }

  /** The spans of a trace, once they are all there: each call to another service with the callee's span, each span with its parent. */
  function traceOf(traceId: string, from?: string): Promise<ReceivedSpan[]> {
    const isWhole = (spans: readonly ReceivedSpan[]) => {
      const parents = new Set(spans.map(({ parentSpanId }) => parentSpanId || undefined));
      const ids = new Set<string | undefined>([...spans.map(({ spanId }) => spanId), from]);
      const isAnswered = ({ name, spanId }: ReceivedSpan) =>
        parents.has(spanId) || !SERVICE_NAMES.some((service) => name.startsWith(`${service} `));
      return (
        spans.some(({ name }) => name === 'POST /api/v1/orders') &&
        [...parents].every((id) => ids.has(id) || (id === undefined && from === undefined)) &&
        spans.every(isAnswered)
      );
    };
    return eventually(async () => receiver().spans.filter((span) => span.traceId === traceId), isWhole, ARRIVES);
  }

  function linesOf(id: string, isWhole: (lines: Awaited<ReturnType<typeof findInLogs>>) => boolean) {
    return eventually(() => findInLogs(join(running().store.dataDir, 'logs'), id), isWhole, ARRIVES);
  }
}
