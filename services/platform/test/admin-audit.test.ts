import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import request from 'supertest';
import { type AdminAudit, createAdminAudit } from '#platform/admin-audit/audit.ts';
import { createAuditRepository } from '#platform/admin-audit/repository.ts';
import { adminAuditRoutes } from '#platform/admin-audit/routes.ts';
import type { Database } from '#platform/cassandra/database.ts';
import { Conflict, Unavailable } from '#platform/errors.ts';
import { createCursorCodec } from '#platform/http/cursor.ts';
import { silentLogger } from '#platform/logging.ts';
import { createService, type Service } from '#platform/service.ts';
import { type TestKeyspaces, useKeyspaces } from '../../local/test-support/cassandra.ts';
import { testServiceConfig, userToken } from '../../local/test-support/service-config.ts';

const PATH = '/api/v1/admin/audit';
const ACTOR = randomUUID();

let keyspaces: TestKeyspaces;
let database: Database;
let audit: AdminAudit;
let service: Service;

before(async () => {
  keyspaces = await useKeyspaces();
  const cursors = createCursorCodec('a secret of the tests that is long enough');
  const assemble = (platform: { database: Database }) => {
    database = platform.database;
    audit = createAdminAudit({ lines: createAuditRepository(database), logger: silentLogger });
    return { routes: adminAuditRoutes(audit, ['product', 'category'], cursors) };
  };
  service = await createService('product', testServiceConfig('product', keyspaces), assemble, silentLogger);
});

after(async () => {
  await service.stop();
  await keyspaces.stop();
});

function list(query: object, token = userToken({ role: 'admin' })) {
  return request(service.app).get(PATH).query(query).set('authorization', `Bearer ${token}`);
}

async function lineOf(entityId: string) {
  const { body } = await list({ entity: 'product', limit: 100 }).expect(200);
  return body.data.find((line: { entityId: string }) => line.entityId === entityId);
}

const act = (entityId: string, before?: object) =>
  ({ entity: 'product', entityId, action: 'update', actor: ACTOR, before }) as const;

test('a change is one line: who, when, what, before and after', async () => {
  const entityId = randomUUID();
  const startedAt = Date.now();
  const result = await audit.record(
    act(entityId, { name: 'Old' }),
    async () => 'New',
    (name) => ({ name }),
  );
  assert.equal(result, 'New');
  const { id, at, ...line } = await lineOf(entityId);
  assert.match(id, /^[0-9a-f-]{36}$/);
  assert.ok(Date.parse(at) >= startedAt && Date.parse(at) <= Date.now());
  assert.deepEqual(line, {
    entity: 'product',
    entityId,
    action: 'update',
    actor: ACTOR,
    outcome: 'done',
    code: null,
    before: { name: 'Old' },
    after: { name: 'New' },
  });
});

test('the line is there before the change is made', async () => {
  const entityId = randomUUID();
  const during = await audit.record(
    act(entityId),
    () => lineOf(entityId),
    () => undefined,
  );
  assert.equal(during.outcome, 'begun');
});

test("nothing is changed if its line can't be written", async () => {
  const write = () => Promise.reject(new Unavailable('database_unavailable', 'No.'));
  const broken = createAdminAudit({ lines: createAuditRepository({ ...database, write }), logger: silentLogger });
  let changed = false;
  const work = async () => {
    changed = true;
  };
  await assert.rejects(
    broken.record(act(randomUUID()), work, () => undefined),
    Unavailable,
  );
  assert.equal(changed, false);
});

test("a change stands, and its line says begun, if the line can't be completed", async () => {
  const entityId = randomUUID();
  const write: Database['write'] = (name, ...rest) =>
    name === 'admin_audit.complete'
      ? Promise.reject(new Unavailable('database_unavailable', 'No.'))
      : database.write(name, ...rest);
  const broken = createAdminAudit({ lines: createAuditRepository({ ...database, write }), logger: silentLogger });
  const result = await broken.record(
    act(entityId),
    async () => 'changed',
    () => ({}),
  );
  assert.equal(result, 'changed');
  assert.equal((await lineOf(entityId)).outcome, 'begun');
});

test('a refusal is rethrown, and its line says why', async () => {
  const entityId = randomUUID();
  const refusal = new Conflict('sku_taken', 'Taken.');
  const work = () => Promise.reject(refusal);
  await assert.rejects(
    audit.record(act(entityId), work, () => undefined),
    (error) => error === refusal,
  );
  const { outcome, code, after } = await lineOf(entityId);
  assert.deepEqual({ outcome, code, after }, { outcome: 'refused', code: 'sku_taken', after: null });
});

test('an unknown outcome stays begun', async () => {
  for (const error of [new Unavailable('database_unavailable', 'No answer.'), new Error('A fault of ours.')]) {
    const entityId = randomUUID();
    await assert.rejects(
      audit.record(
        act(entityId),
        () => Promise.reject(error),
        () => undefined,
      ),
    );
    assert.equal((await lineOf(entityId)).outcome, 'begun');
  }
});

test('a day is listed page by page, newest first, with lines about one kind of entity only', async () => {
  const names = Array.from({ length: 7 }, (_, index) => `shelf-${index}`);
  for (const entityId of names) {
    await audit.record(
      { entity: 'category', entityId, action: 'create', actor: ACTOR },
      async () => undefined,
      () => undefined,
    );
  }
  const found: string[] = [];
  let cursor: string | null = null;
  let pages = 0;
  do {
    const query: object = { entity: 'category', limit: 3, ...(cursor !== null && { cursor }) };
    const { body, headers } = await list(query).expect(200);
    found.push(...body.data.map((line: { entityId: string }) => line.entityId));
    cursor = body.page.nextCursor;
    assert.equal(headers.link !== undefined, cursor !== null);
    assert.equal(headers['cache-control'], 'no-store');
    pages += 1;
  } while (cursor !== null);
  assert.equal(pages, 3);
  assert.deepEqual(found, names.toReversed());
});

test('a day without changes is an empty page', async () => {
  for (const day of ['2001-02-03', '0000-01-01', '9999-12-31']) {
    const { body } = await list({ entity: 'category', day }).expect(200);
    assert.deepEqual(body, { data: [], page: { limit: 20, nextCursor: null } });
  }
});

test('a line is gone after 400 days', async () => {
  const entityId = randomUUID();
  await audit.record(
    act(entityId),
    async () => undefined,
    () => ({}),
  );
  const { at, id } = await lineOf(entityId);
  const [row] = await database.read(
    'test.ttl',
    'SELECT TTL(actor) AS begun, TTL(outcome) AS done FROM admin_audit WHERE entity = ? AND day = ? AND at = ? AND id = ?',
    ['product', at.slice(0, 10), new Date(at), id],
  );
  for (const ttl of [row?.begun, row?.done]) assert.ok(ttl > 399 * 86_400 && ttl <= 400 * 86_400, String(ttl));
});

test('only an admin can read the log, and invalid parameters are named', async () => {
  await request(service.app).get(PATH).query({ entity: 'product' }).expect(401);
  await list({ entity: 'product' }, userToken()).expect(403);
  const walk = await list({ entity: 'category', limit: 1 }).expect(200);
  const { nextCursor: cursor } = walk.body.page;
  for (const [query, code, pointer] of [
    [{}, 'validation_failed', '/entity'],
    [{ entity: 'user' }, 'validation_failed', '/entity'],
    [{ entity: ['product', 'category'] }, 'validation_failed', '/entity'],
    [{ entity: 'product', day: '2026-02-30' }, 'validation_failed', '/day'],
    [{ entity: 'product', day: 'today' }, 'validation_failed', '/day'],
    [{ entity: 'product', actor: ACTOR }, 'validation_failed', '/actor'],
    [{ entity: 'product', limit: '0' }, 'validation_failed', '/limit'],
    [{ entity: 'product', cursor }, 'invalid_cursor', '/cursor'],
    [{ entity: 'category', day: '2026-01-01', cursor }, 'invalid_cursor', '/cursor'],
  ] as const) {
    const { body } = await list(query).expect(400);
    assert.equal(`${body.code} ${body.errors[0].pointer}`, `${code} ${pointer}`, JSON.stringify(query));
  }
  const { body } = await list({ entity: 'cart' }).expect(400);
  assert.match(body.detail, /product, category, stock, order, user/);
});
