import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listOperations } from '../../services/local/src/documents.ts';
import { readSlo } from '../slo.ts';

const slo = readSlo();
const routes = Object.values(slo.classes).flatMap((objective) => objective.routes);

test('each route with an objective is an operation of that service', async () => {
  const operations = await listOperations();
  for (const { job, method, path } of routes) {
    assert.ok(operations[job]?.includes(`${method.toLowerCase()} ${path}`), `${job} has no ${method} ${path}`);
  }
});

test('no route has two objectives', () => {
  const names = routes.map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual(
    names.filter((name, index) => names.indexOf(name) !== index),
    [],
  );
});

test('no p95 is above the p99 of its class', () => {
  for (const { p95Ms, p99Ms } of Object.values(slo.classes)) assert.ok(p95Ms <= p99Ms);
});
