import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { describeLines, findInLogs, findLines } from '../src/commands/logs.ts';
import { StartError } from '../src/start-error.ts';

const ID = 'request-1';
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

function line(service: string, at: string, fields: object = {}): string {
  const facts = { timestamp: `2026-01-31T10:00:00.${at}Z`, level: 'info', service, requestId: ID, traceId: TRACE };
  return JSON.stringify({ ...facts, event: 'request_handled', message: 'Answered.', ...fields });
}

const door = line('nginx', '900', {
  timestamp: '2026-01-31T11:00:00.900+01:00',
  method: 'POST',
  uri: '/api/v1/orders',
  status: 201,
  durationMs: 400,
  upstreamService: 'order',
  upstreamAddr: '127.0.0.1:8002',
  cacheStatus: '',
});
const order = line('order', '899', {
  method: 'POST',
  route: '/api/v1/orders',
  status: 201,
  durationMs: 399,
  userId: 'sam',
});
const product = line('product', '700', {
  method: 'PUT',
  route: '/internal/reservations/:orderId',
  status: 503,
  durationMs: 20,
  code: 'busy',
});
const warning = line('order', '720', { level: 'warn', event: 'circuit_opened', message: 'product fails.' });

describe('the lines of one request', () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'store-logs-'));
    const other = line('order', '500', { requestId: 'request-12', note: ID });
    const logs = {
      'access.log': [door],
      'order.log': [other, 'Error: a crash', `    at request-1 (${ID})`, warning, order, '{"cut off by "'],
      'product.log': [],
      'product-2.log.1': [product],
      'cassandra.txt': [order],
    };
    for (const [name, lines] of Object.entries(logs)) await writeFile(join(folder, name), `${lines.join('\n')}\n`);
  });
  after(() => rm(folder, { recursive: true }));

  test('are found in every log, including those of replicas and rotated ones, and no others are', async () => {
    const found = await findInLogs(folder, ID);
    assert.deepEqual(found.map(({ from }) => from).sort(), ['nginx', 'order', 'order', 'product-2']);
    assert.deepEqual((await findInLogs(folder, TRACE)).length, 5, 'those of the trace, which includes another request');
    assert.deepEqual(await findInLogs(folder, 'request'), []);
  });

  test('are shown in the order of their start', async () => {
    const [, , ...rows] = describeLines(await findInLogs(folder, ID));
    assert.deepEqual(rows, [
      '10:00:00.500  +0 ms    nginx      info   POST /api/v1/orders → 201 in 400 ms by order at 127.0.0.1:8002',
      '10:00:00.500  +0 ms    order      info   POST /api/v1/orders → 201 in 399 ms userId=sam',
      '10:00:00.680  +180 ms  product-2  info   PUT /internal/reservations/:orderId → 503 in 20 ms code=busy',
      '10:00:00.720  +220 ms  order      warn   circuit_opened: product fails.',
    ]);
  });

  test('are found in piped input, such as Docker’s logs', async () => {
    const input = Readable.from([`${product}\n${order}\nnginx: a word\n`]);
    const found = await Array.fromAsync(findLines(input, ID));
    assert.deepEqual(
      found.map(({ from }) => from),
      ['product', 'order'],
    );
  });

  test('can’t be searched for without logs', async () => {
    await assert.rejects(findInLogs(join(folder, 'nowhere'), ID), StartError);
  });
});
