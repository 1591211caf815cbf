import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { NotFound } from '#platform/errors.ts';
import { toOpenApi } from '#platform/http/openapi.ts';
import { route } from '#platform/http/route.ts';
import { type ApiDocument, createContractCheckOf } from '../src/contract-check.ts';
import type { Answer } from '../src/shop-client.ts';

const Node = z
  .strictObject({
    id: z.uuid(),
    madeAt: z.iso.datetime(),
    note: z.string().nullable(),
    get children() {
      return z.array(Node);
    },
  })
  .meta({ id: 'Node', example: {} });

const routes = [
  route({
    method: 'get',
    path: '/api/v1/nodes/{id}',
    summary: 'A node',
    tag: 'Nodes',
    access: 'user',
    request: { params: z.strictObject({ id: z.uuid() }) },
    response: Node,
    errors: [new NotFound('node_not_found', 'There is no such node.')],
    handle: () => node,
  }),
  route({
    method: 'delete',
    path: '/api/v1/nodes/{id}',
    summary: 'Delete a node',
    tag: 'Nodes',
    access: 'user',
    request: { params: z.strictObject({ id: z.uuid() }) },
    status: 204,
    handle: () => undefined,
  }),
  route({
    method: 'post',
    path: '/internal/nodes/{id}/prune',
    summary: 'Prune a node',
    tag: 'Internal',
    access: { services: ['order'], scope: 'nodes:prune' },
    request: { params: z.strictObject({ id: z.uuid() }) },
    status: 204,
    handle: () => undefined,
  }),
];
const contract = createContractCheckOf({ node: toOpenApi('node', routes) as unknown as ApiDocument });

const id = crypto.randomUUID();
const node: z.output<typeof Node> = { id, madeAt: new Date().toISOString(), note: null, children: [] };

function answer(changes: Partial<Answer> = {}): Answer {
  return {
    method: 'GET',
    path: `/api/v1/nodes/${id}?x=1`,
    status: 200,
    headers: { 'x-request-id': 'request-1', 'content-type': 'application/json; charset=utf-8' },
    body: node,
    ms: 1,
    ...changes,
  };
}

function problem(status: number, changes: Partial<Answer> = {}, facts: object = {}): Answer {
  return answer({
    status,
    headers: { 'x-request-id': 'request-1', 'content-type': 'application/problem+json', ...changes.headers },
    body: {
      type: 'about:blank',
      title: 'No',
      status,
      detail: 'No.',
      instance: '/',
      code: 'not_found',
      requestId: 'request-1',
      ...facts,
    },
  });
}

describe('the contract check', () => {
  test('knows every operation, and which ones need a token', () => {
    assert.deepEqual(contract.operations, [
      { service: 'node', method: 'GET', path: '/api/v1/nodes/{id}', needsToken: true },
      { service: 'node', method: 'DELETE', path: '/api/v1/nodes/{id}', needsToken: true },
      { service: 'node', method: 'POST', path: '/internal/nodes/{id}/prune', needsToken: true },
    ]);
  });

  test('finds nothing wrong with a documented response', () => {
    assert.deepEqual(contract.faultsOf(answer()), []);
    assert.deepEqual(contract.faultsOf(answer({ body: { ...node, children: [node] } })), []);
    assert.deepEqual(contract.faultsOf(answer({ method: 'DELETE', status: 204, body: undefined })), []);
  });

  test('finds a missing field, a wrong type, a wrong format and an unknown field, however deep', () => {
    const bad = { id: 'no-uuid', madeAt: 'yesterday', children: [{ ...node, secret: 1, note: 1 }] };
    const faults = contract.faultsOf(answer({ body: bad })).join('\n');
    assert.match(faults, /body: must have required property 'note'/);
    assert.match(faults, /body\/id: must match/);
    assert.match(faults, /body\/madeAt: must match/);
    assert.match(faults, /body\/children\/0: must NOT have additional properties \(secret\)/);
    assert.match(faults, /body\/children\/0\/note: must be string,null/);
  });

  test('finds a status, a content type and a path that are not documented', () => {
    assert.match(contract.faultsOf(answer({ status: 202 })).join(), /202 isn't documented/);
    const asText = { 'x-request-id': 'request-1', 'content-type': 'text/html' };
    assert.match(contract.faultsOf(answer({ headers: asText })).join(), /content type text\/html/);
    assert.match(contract.faultsOf(answer({ path: '/api/v1/other' })).join(), /in no document/);
    assert.match(contract.faultsOf(answer({ method: 'DELETE', status: 204 })).join(), /without a body/);
  });

  test('checks refusals as problems, those of Nginx too', () => {
    assert.deepEqual(contract.faultsOf(problem(404)), []);
    assert.deepEqual(contract.faultsOf(problem(405, { headers: { allow: 'GET' } })), []);
    assert.match(contract.faultsOf(problem(405)).join(), /allow is missing/);
    assert.match(contract.faultsOf(problem(401)).join(), /www-authenticate is missing/);
    assert.match(contract.faultsOf(problem(503)).join(), /retry-after is missing/);
    assert.match(contract.faultsOf(problem(404, {}, { status: 400 })).join(), /says 400 and the answer 404/);
    assert.match(contract.faultsOf(problem(404, {}, { code: undefined })).join(), /required property 'code'/);
    assert.match(contract.faultsOf(problem(404, {}, { requestId: 'another' })).join(), /not the X-Request-Id/);
    assert.match(contract.faultsOf(problem(500)).join(), /500 is never right/);
  });

  test('finds a code that is not documented, and a member that no example of the code shows', () => {
    assert.deepEqual(contract.faultsOf(problem(404, {}, { code: 'node_not_found' })), []);
    assert.match(contract.faultsOf(problem(404, {}, { code: 'gone' })).join(), /^gone isn't documented$/);
    const talkative = problem(404, {}, { code: 'node_not_found', secret: 1 });
    assert.match(contract.faultsOf(talkative).join(), /^no example of node_not_found shows secret$/);
    assert.deepEqual(contract.faultsOf(problem(404, {}, { code: 'not_found' })), []);
  });

  test('judges HEAD as GET without a body', () => {
    assert.deepEqual(contract.faultsOf(answer({ method: 'HEAD', body: undefined })), []);
    assert.match(contract.faultsOf(answer({ method: 'HEAD' })).join(), /HEAD has no body/);
    assert.match(contract.faultsOf(answer({ method: 'HEAD', status: 202, body: undefined })).join(), /202 isn't/);
  });

  test('accepts only a 404 from an internal operation', () => {
    const path = `/internal/nodes/${id}/prune`;
    assert.deepEqual(contract.faultsOf(problem(404, { method: 'POST', path })), []);
    const done = answer({ method: 'POST', path, status: 204, body: undefined });
    assert.match(contract.faultsOf(done).join(), /in no document/);
  });

  test('accepts what every service serves besides its documented operations', () => {
    for (const path of ['/', '/swagger/', '/api/system/health', '/openapi/node.json'])
      assert.deepEqual(contract.faultsOf(answer({ path, body: {} })), []);
    assert.match(contract.faultsOf(answer({ path: '/metrics', body: {} })).join(), /in no document/);
  });

  test('expects a 503 with its own body and Retry-After from a health check with something down', () => {
    const down = answer({ path: '/api/system/health', status: 503, body: { status: 'down' } });
    assert.match(contract.faultsOf(down).join(), /^retry-after is missing$/);
    assert.deepEqual(contract.faultsOf({ ...down, headers: { ...down.headers, 'retry-after': '1' } }), []);
    assert.match(contract.faultsOf({ ...down, path: '/' }).join(), /not application\/problem\+json/);
  });

  test('throws what is wrong when used as a client’s hook', () => {
    contract.assertKept(answer());
    assert.throws(() => contract.assertKept(answer({ body: {} })), /GET \/api\/v1\/nodes.*required property 'id'/);
  });
});
