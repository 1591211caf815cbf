// The next-page link and the cursor of a paged route.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import supertest from 'supertest';
import { z } from 'zod';
import { createHttpApp } from '#platform/http/app.ts';
import { createCursorCodec } from '#platform/http/cursor.ts';
import { pageOf, pageQuery } from '#platform/http/page.ts';
import { route } from '#platform/http/route.ts';
import { silentLogger } from '#platform/logging.ts';
import { createMetrics } from '#platform/metrics.ts';
import { noVerifiers, readySystem } from './support/http-parts.ts';

const cursors = createCursorCodec('a secret of the tests that is long enough');
const list = route({
  method: 'get',
  path: '/things',
  summary: 'Things',
  tag: 'Things',
  access: 'public',
  request: { query: z.strictObject({ brand: z.string().optional(), ...pageQuery }) },
  response: pageOf(z.string()),
  paged: true,
  handle: ({ query: { limit, cursor } }) => {
    if (cursor !== undefined) cursors.decode('things', cursor);
    return { data: [], page: { limit, nextCursor: cursors.encode('things', 1) } };
  },
});
const { app } = createHttpApp('product', [list], {
  metrics: createMetrics(),
  logger: silentLogger,
  verifiers: noVerifiers,
  system: readySystem,
});
const api = supertest(app);

test('the link to the next page keeps every parameter, even with a question mark in it', async () => {
  const { headers } = await api.get('/things?brand=what?&limit=3').expect(200);
  const [, link = ''] = /^<([^>]+)>; rel="next"$/.exec(headers.link ?? '') ?? [];
  const { pathname, searchParams } = new URL(link, 'http://store');
  assert.equal(pathname, '/things');
  assert.equal(searchParams.get('brand'), 'what?');
  assert.equal(searchParams.get('limit'), '3');
  await api.get(link).expect(200);
});

test('a garbled cursor is invalid_cursor, however long it is', async () => {
  for (const cursor of ['', 'x', 'x'.repeat(2048), `${'x'.repeat(5000)}.${'y'.repeat(22)}`]) {
    const { body } = await api.get('/things').query({ cursor }).expect(400);
    assert.equal(body.code, 'invalid_cursor');
  }
});
