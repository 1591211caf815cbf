import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { type ApiDocument, createContractCheckOf } from '../src/contract-check.ts';
import { startedAt } from '../src/processes.ts';
import type { Answer, Sent, Shop } from '../src/shop-client.ts';
import { faultsOfMemory, measureMemory } from '../src/smoke/memory.ts';
import { type Result, type Step, walkOperations } from '../src/smoke/walk.ts';

interface Walk {
  id?: string;
}

const json = (schema: object) => ({ content: { 'application/json': { schema } } });
const Problem = {
  type: 'object',
  properties: { status: { type: 'integer' }, requestId: { type: 'string' } },
  required: ['status'],
};
const unauthorized = { status: 401, code: 'unauthorized', detail: 'No token.', requestId: 'r' };
const refused = {
  content: {
    'application/problem+json': {
      schema: { $ref: '#/components/schemas/Problem' },
      examples: { unauthorized: { value: unauthorized } },
    },
  },
};
const document: ApiDocument = {
  paths: {
    '/things': {
      post: {
        security: [{ user: [] }],
        responses: { 201: json({ type: 'object', required: ['id'] }), 401: refused },
      },
    },
    '/things/{id}': { get: { responses: { 200: json({ type: 'object', required: ['id'] }) } } },
    '/internal/things': { get: { security: [{ service: [] }], responses: { 200: json({}) } } },
  },
  components: { schemas: { Problem } },
};
const contract = createContractCheckOf({ thing: document });

const STEPS: readonly Step<Walk>[] = [
  {
    operation: 'POST /things',
    statuses: [201],
    request: () => ({ method: 'POST', path: '/things', token: 'token' }),
    learn(answer, walk) {
      walk.id = (answer.body as { id: string }).id;
    },
  },
  {
    operation: 'GET /things/{id}',
    statuses: [200],
    request({ id }) {
      if (id === undefined) throw new Error('not sent: an earlier step gave no id');
      return { method: 'GET', path: `/things/${id}` };
    },
  },
];

/** A store of things; `changes` override its answers. */
function shopOf(changes: (request: Sent) => Partial<Answer> | undefined = () => undefined): Pick<Shop, 'send'> {
  return {
    async send<Body>(request: Sent) {
      const { method, path: where, token } = request;
      const answer = (status: number, type: string, body: unknown) =>
        ({
          method,
          path: where,
          status,
          headers: { 'content-type': type, 'x-request-id': 'r', 'www-authenticate': 'Bearer' },
          body,
          ms: 1,
          ...changes(request),
        }) as Answer<Body>;
      const refuse = (status: number) => answer(status, 'application/problem+json', { ...unauthorized, status });
      if (where.startsWith('/internal/')) return refuse(404);
      if (method === 'GET') return answer(200, 'application/json', { id: 'a' });
      return token === undefined ? refuse(401) : answer(201, 'application/json', { id: 'a' });
    },
  };
}

async function walk(shop: Pick<Shop, 'send'>, steps = STEPS): Promise<string[]> {
  const results: Result[] = [];
  await walkOperations({ shop, contract, steps, start: {}, onResult: (result) => results.push(result) });
  return results.map(({ method, path: where, faults }) => `${method} ${where} ${faults.join('; ') || 'ok'}`);
}

describe('the smoke walk', () => {
  test('takes every step, and tries internal operations from outside', async () => {
    assert.deepEqual(await walk(shopOf()), ['POST /things ok', 'GET /things/{id} ok', 'GET /internal/things ok']);
  });

  test('fails for an endpoint without a step, and for a step without an endpoint', async () => {
    const others = [STEPS[0] as Step<Walk>, { ...(STEPS[1] as Step<Walk>), operation: 'GET /others/{id}' }];
    assert.deepEqual(await walk(shopOf(), others), [
      'POST /things ok',
      'GET /others/{id} no service documents this endpoint',
      'GET /things/{id} no smoke step calls this endpoint',
      'GET /internal/things ok',
    ]);
  });

  test('fails for a wrong status, and says why the steps that need its answer were not sent', async () => {
    const shop = shopOf(({ method, token }) =>
      method === 'POST' && token ? { status: 409, body: { code: 'sold_out', detail: 'No more.' } } : undefined,
    );
    const [first = '', second] = await walk(shop);
    assert.match(first, /POST \/things 409 \(sold_out: No more\.\) instead of 201; 409 isn't documented/);
    assert.equal(second, 'GET /things/{id} not sent: an earlier step gave no id');
  });

  test('fails for a body that is not as documented', async () => {
    const shop = shopOf(({ path: where }) => (where === '/things/a' ? { body: {} } : undefined));
    assert.match((await walk(shop))[1] ?? '', /body: must have required property 'id'/);
  });

  test('fails for an operation that works without the token that it requires', async () => {
    const open = shopOf(({ method, token }) =>
      method === 'POST' && !token ? { status: 201, body: { id: 'b' } } : undefined,
    );
    assert.match((await walk(open))[0] ?? '', /without a token: 201 instead of 401/);
  });

  test('fails for an internal operation that can be reached, and for a connection that breaks', async () => {
    const shop = shopOf(({ path: where }) => {
      if (where === '/things/a') throw new Error('other side closed');
      return where.startsWith('/internal/') ? { status: 401 } : undefined;
    });
    const [, broken, internal] = await walk(shop);
    assert.equal(broken, 'GET /things/{id} other side closed');
    assert.equal(internal, 'GET /internal/things 401 (unauthorized: No token.) instead of 404');
  });
});

describe('the memory of a store', () => {
  test('is that of the recorded processes, and undefined if no store is running', async () => {
    const dataDir = await mkdtemp(path.join(tmpdir(), 'memory-'));
    try {
      assert.equal(await measureMemory(dataDir), undefined);
      await mkdir(path.join(dataDir, 'run/product'), { recursive: true });
      await writeFile(path.join(dataDir, 'run/product/pid'), String(process.pid));
      await mkdir(path.join(dataDir, 'lock'));
      const lock = path.join(dataDir, `lock/${process.pid}-${await startedAt(process.pid)}`);
      await writeFile(lock, '');
      const found = await measureMemory(dataDir);
      assert.deepEqual(found?.map(({ name }) => name).sort(), ['npm start', 'product']);
      const rss = process.memoryUsage.rss();
      for (const { bytes } of found ?? []) assert.ok(bytes > rss / 3 && bytes < rss * 4, `${bytes} beside ${rss}`);
      await rename(lock, path.join(dataDir, `lock/${process.pid}-1`));
      assert.equal(await measureMemory(dataDir), undefined);
    } finally {
      await rm(dataDir, { recursive: true });
    }
  });

  test('is over its limit for a service above 150 MB and a store above 3 GB, not below', () => {
    const mb = 1024 * 1024;
    const good = [
      { name: 'cassandra', bytes: 2500 * mb },
      { name: 'order', bytes: 150 * mb },
    ];
    assert.deepEqual(faultsOfMemory(good), []);
    assert.deepEqual(faultsOfMemory([...good, { name: 'cart', bytes: 151 * mb }]), ['cart takes 151 MB, over 150 MB']);
    assert.deepEqual(faultsOfMemory([...good, { name: 'nginx', bytes: 500 * mb }]), [
      'the store takes 3150 MB, over 3072 MB',
    ]);
  });
});
