import assert from 'node:assert/strict';
import { once } from 'node:events';
import { METHODS, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { NotFound } from '#platform/errors.ts';
import { createHttpApp } from '#platform/http/app.ts';
import { route } from '#platform/http/route.ts';
import { silentLogger } from '#platform/logging.ts';
import { createMetrics } from '#platform/metrics.ts';
import { noVerifiers, readySystem } from './support/http-parts.ts';

const Thing = z.strictObject({ id: z.string() });

describe('metrics after arbitrary requests', () => {
  const metrics = createMetrics();
  let server: Server;

  before(async () => {
    const routes = [
      route({
        method: 'get',
        path: '/api/v1/things/{id}',
        summary: 'A thing',
        tag: 'Things',
        access: 'public',
        request: { params: z.strictObject({ id: z.string() }) },
        response: Thing,
        handle: ({ params }) => {
          if (params.id.length > 20) throw new NotFound('thing_not_found', 'There is no such thing.');
          return params;
        },
      }),
    ];
    const { app } = createHttpApp('things', routes, {
      metrics,
      logger: silentLogger,
      verifiers: noVerifiers,
      system: readySystem,
    });
    server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const random = () => Math.random().toString(36).slice(2);
    const paths = () => [
      `/api/v1/things/${random()}`,
      `/api/v1/things/${random()}/${random()}`,
      `/api/v1/things/${'x'.repeat(30)}?${random()}=${random()}`,
      `/${random()}`,
      `/swagger/${random()}`,
      `/health/${random()}`,
      `//%2e%2e/${random()}`,
      `/openapi/${random()}.json`,
      `/metrics/${random()}`,
    ];
    for (let round = 0; round < 20; round += 1) await Promise.all(paths().map((path) => ask('GET', path)));
    for (const method of METHODS.filter((each) => each !== 'CONNECT')) {
      await Promise.all(paths().map((path) => ask(method, path)));
    }
  });
  after(() => server.close());

  async function ask(method: string, path: string): Promise<number> {
    const { port } = server.address() as AddressInfo;
    const [answer] = await once(request({ port, host: '127.0.0.1', method, path }).end(), 'response');
    answer.resume();
    await once(answer, 'end');
    return answer.statusCode;
  }

  async function valuesOf(label: string): Promise<string[]> {
    const all = await metrics.registry.getMetricsAsJSON();
    const values = all.flatMap((metric) =>
      metric.values.map(({ labels }) => (labels as Record<string, string>)[label]),
    );
    return [...new Set(values)].filter((value) => value !== undefined).sort();
  }

  test("the path label is a route's pattern or unmatched", async () => {
    assert.deepEqual(await valuesOf('path'), ['/api/v1/things/:id', 'unmatched']);
  });

  test('the method label is one that routes have, or other', async () => {
    const expected = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'other'];
    assert.deepEqual(await valuesOf('method'), expected);
  });

  test('a scrape stays small', async () => {
    const series = (await metrics.registry.metrics()).split('\n').filter((line) => /^http_/.test(line)).length;
    assert.ok(series < 400, `${series} series`);
  });
});
