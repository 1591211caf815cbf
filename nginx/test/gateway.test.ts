import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readSettings } from '../../services/local/src/settings.ts';
import { ensureTools } from '../../services/local/src/tools.ts';
import { freePort } from '../../services/local/test-support/free-port.ts';
import { createCaching } from '../../services/platform/src/http/caching.ts';
import {
  checkGateway,
  findNginx,
  type GatewaySettings,
  gatewayArguments,
  type Replicas,
  renderGateway,
} from '../gateway.ts';

type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void;
interface Seen {
  readonly service: string;
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  readonly port: number | undefined;
}
interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
  readonly json: () => Readonly<Record<string, string | number>>;
}

const SERVICES = ['product', 'cart', 'order', 'user'] as const;
const seen: Seen[] = [];
const stubs = new Map<string, http.Server>();
const nginxes: ChildProcess[] = [];
const normal: Handler = (_, response) => {
  response.setHeader('content-type', 'application/json');
  response.end('{"ok":true}');
};
let handler: Handler = normal;
let folder: string;
let port: number;

/** An upstream that notes what reaches it and answers by `handler`. */
async function startStub(service: string): Promise<string> {
  const server = http.createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    seen.push({
      service,
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers,
      body,
      port: request.socket.remotePort,
    });
    handler(request, response);
  });
  server.keepAliveTimeout = 75_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stubs.set(service, server);
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function startGateway(name: string, settings: Partial<GatewaySettings> & Pick<GatewaySettings, 'servers'>) {
  const stateDir = path.join(folder, name);
  await mkdir(stateDir, { recursive: true });
  const [listen, status] = [await freePort(), await freePort()];
  const configFile = renderGateway({
    stateDir,
    accessLogs: [path.join(stateDir, 'access.log')],
    errorLog: path.join(stateDir, 'error.log'),
    listen: `127.0.0.1:${listen}`,
    statusListen: `127.0.0.1:${status}`,
    workers: 1,
    ...settings,
  });
  await checkGateway(configFile);
  const nginx = spawn(findNginx() ?? 'nginx', gatewayArguments(configFile), { stdio: ['ignore', 'ignore', 'inherit'] });
  nginxes.push(nginx);
  for (let tries = 0; ; tries += 1) {
    const answer = await send(status, 'GET', '/stub_status').catch(() => undefined);
    if (answer?.status === 200) return { listen, status, stateDir };
    assert.ok(tries < 100, 'Nginx did not start');
    await sleep(50);
  }
}

/** Renders a configuration without starting Nginx. */
function renderOnly(settings: Partial<GatewaySettings>): string {
  const stateDir = path.join(folder, 'unstarted');
  return renderGateway({
    stateDir,
    accessLogs: ['a'],
    errorLog: 'e',
    listen: '1',
    statusListen: '2',
    servers,
    ...settings,
  });
}

/** One request with its path exactly as given. */
function send(
  to: number,
  method: string,
  url: string,
  headers: http.OutgoingHttpHeaders = {},
  body?: string,
  agent: http.Agent | false = false,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port: to, method, path: url, headers, agent }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: () => JSON.parse(text) }),
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}

const ask = (method: string, url: string, headers?: http.OutgoingHttpHeaders, body?: string) =>
  send(port, method, url, headers, body);

/** Writes bytes that no HTTP client would, and gives all that comes back until the connection is closed. */
async function raw(bytes: string | Buffer, to = port): Promise<Answer> {
  const socket = net.connect(to, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  socket.on('error', () => undefined);
  socket.write(bytes);
  await new Promise((resolve) => socket.on('close', resolve));
  const [head = '', body = ''] = text.split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => line.split(': ') as [string, string]).map(([k, v]) => [k.toLowerCase(), v]),
  );
  return { status: Number(statusLine.split(' ')[1] ?? 0), headers, text: body, json: () => JSON.parse(body) };
}

function assertProblem(answer: Answer, status: number, code: string): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.headers['content-type'], 'application/problem+json');
  const problem = answer.json();
  assert.deepEqual(Object.keys(problem), ['type', 'title', 'status', 'detail', 'instance', 'code', 'requestId']);
  assert.equal(problem.status, status);
  assert.equal(problem.code, code);
  assert.equal(problem.requestId, answer.headers['x-request-id']);
  assert.match(String(problem.requestId), /^[A-Za-z0-9_-]{8,64}$/);
  assert.match(String(problem.instance), /^\//);
  assertSecurityHeaders(answer);
}

function assertSecurityHeaders({ headers }: Answer): void {
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.equal(headers['x-frame-options'], 'DENY');
  assert.equal(headers['referrer-policy'], 'no-referrer');
  assert.match(String(headers['content-security-policy']), /default-src 'none'.*frame-ancestors 'none'/);
  assert.equal(headers.server, 'nginx');
}

let servers: Replicas;
let main: Awaited<ReturnType<typeof startGateway>>;

before(async () => {
  await ensureTools(['nginx']);
  folder = await mkdtemp(path.join(tmpdir(), 'gateway-'));
  await mkdir(path.join(folder, 'docs/guide'), { recursive: true });
  await writeFile(path.join(folder, 'docs/index.html'), '<h1>Docs</h1>');
  const addresses = await Promise.all(SERVICES.map(async (service) => [service, [await startStub(service)]]));
  servers = Object.fromEntries(addresses) as typeof servers;
  main = await startGateway('main', { servers, docsDir: path.join(folder, 'docs'), limits: false });
  port = main.listen;
});

afterEach(() => {
  handler = normal;
  seen.length = 0;
});

after(async () => {
  for (const nginx of nginxes) {
    nginx.kill('SIGTERM');
    if (nginx.exitCode === null) await once(nginx, 'exit');
  }
  for (const server of stubs.values()) {
    server.closeAllConnections();
    server.close();
  }
  await rm(folder, { recursive: true, force: true });
});

describe('routing', () => {
  const routes: readonly (readonly [string, string])[] = [
    ['/api/v1/products', 'product'],
    ['/api/v1/products?limit=5&sort=-price', 'product'],
    ['/api/v1/products/8a6e0804-2bd0-4672-b79d-d97027f9071a', 'product'],
    ['/api/v1/products/8a6e0804-2bd0-4672-b79d-d97027f9071a/stock-adjustments', 'product'],
    ['/api/v1/categories', 'product'],
    ['/api/v1/categories/shoes', 'product'],
    ['/front-page.json', 'product'],
    ['/api/v1/cart', 'cart'],
    ['/api/v1/cart/items/8a6e0804-2bd0-4672-b79d-d97027f9071a', 'cart'],
    ['/api/v1/orders', 'order'],
    ['/api/v1/orders/8a6e0804-2bd0-4672-b79d-d97027f9071a/cancellation', 'order'],
    ['/api/v1/admin/orders?status=confirmed', 'order'],
    ...['product', 'category', 'stock'].map((entity) => [`/api/v1/admin/audit?entity=${entity}`, 'product'] as const),
    ['/api/v1/admin/audit?entity=order&day=2026-01-31', 'order'],
    ['/api/v1/admin/audit?entity=user', 'user'],
    ['/api/v1/admin/audit?entity=none', 'user'],
    ['/api/v1/admin/audit', 'user'],
    ['/api/v1/auth/login', 'user'],
    ['/api/v1/auth/profile', 'user'],
    ['/api/v1/users', 'user'],
    ['/api/v1/users/8a6e0804-2bd0-4672-b79d-d97027f9071a', 'user'],
    ['/.well-known/jwks.json', 'user'],
    ['/openapi/product.json', 'product'],
    ['/openapi/cart.json', 'cart'],
    ['/openapi/order.json', 'order'],
    ['/openapi/user.json', 'user'],
  ];
  for (const [url, service] of routes) {
    test(`${url} goes to ${service} unchanged`, async () => {
      for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS']) {
        const answer = await ask(method, url);
        assert.equal(answer.status, 200);
        assertSecurityHeaders(answer);
        const request = seen.at(-1);
        assert.deepEqual([request?.service, request?.method, request?.url], [service, method, url]);
      }
    });
  }

  test('the front page, /swagger/ and the health of the system are balanced over all services', async () => {
    for (const url of [
      '/',
      '/front-page.css',
      '/front-page.js',
      '/swagger/',
      '/swagger/swagger-ui.css',
      '/api/system/health',
    ]) {
      seen.length = 0;
      for (let times = 0; times < 12; times += 1) assert.equal((await ask('GET', url)).status, 200);
      assert.deepEqual([...new Set(seen.map(({ service }) => service))].sort(), [...SERVICES].sort());
    }
  });

  test('built docs are served; a missing page is a 404 problem', async () => {
    const page = await ask('GET', '/docs/');
    assert.equal(page.text, '<h1>Docs</h1>');
    assert.match(page.headers['content-security-policy']?.toString() ?? '', /script-src 'self'/);
    assert.equal((await ask('GET', '/docs')).headers.location, '/docs/');
    assertProblem(await ask('GET', '/docs/none.html'), 404, 'not_found');
    assertProblem(await ask('GET', '/docs/guide/'), 404, 'not_found');
    const refused = await ask('POST', '/docs/');
    assertProblem(refused, 405, 'method_not_allowed');
    assert.equal(refused.headers.allow, 'GET, HEAD');
  });

  test('the front page may load its own style and script and fetch from the store; API responses may load nothing', async () => {
    const policyOf = async (url: string) =>
      (await ask('GET', url)).headers['content-security-policy']?.toString() ?? '';
    const allowed = (await policyOf('/')).split('; ');
    for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"])
      assert.ok(allowed.includes(part), part);
    assert.equal(await policyOf('/api/v1/products'), "default-src 'none'; frame-ancestors 'none'");
  });

  test('Swagger UI may run its own scripts', async () => {
    assert.equal((await ask('GET', '/swagger')).headers.location, '/swagger/');
    assert.match(
      (await ask('GET', '/swagger/')).headers['content-security-policy']?.toString() ?? '',
      /script-src 'self';/,
    );
  });

  test('paths that only resemble a route reach no service', async () => {
    for (const url of [
      '/api/v1/productsx',
      '/api/v1/carts',
      '/api/v1',
      '/api/v2/products',
      '/api/v1/admin',
      '/api/v1/admin/audit/x',
      '/API/v1/products',
      '/openapi/admin.json',
    ]) {
      assertProblem(await ask('GET', url), 404, 'not_found');
    }
    assert.deepEqual(seen, []);
  });
});

describe('nothing internal is reachable', () => {
  const inner = [
    'internal/reservations/x',
    'internal/revocations?since=0',
    'metrics',
    'health/liveness',
    'health/readiness',
    'openapi.json',
    'problem',
    'stub_status',
  ];
  const tricks = [
    (p: string) => `/${p}`,
    (p: string) => `//${p}`,
    (p: string) => `/./${p}`,
    (p: string) => `/${p.replace('/', '//')}`,
    (p: string) => `/${p.toUpperCase()}`,
    (p: string) => `/%${p.charCodeAt(0).toString(16)}${p.slice(1)}`,
    (p: string) => `/${p.replace('/', '%2f')}`,
    (p: string) => `/${p.replace('/', '%2F')}/`,
    (p: string) => `/${p}/`,
    (p: string) => `/%2e/${p}`,
    (p: string) => `/${p};x=1`,
    (p: string) => `/;/${p}`,
    (p: string) => `/\\${p}`,
    (p: string) => `/%5c${p}`,
    (p: string) => `/%00/${p}`,
    (p: string) => `/${p}%00`,
    (p: string) => `/docs/../${p}`,
    (p: string) => `/docs/%2e%2e/${p}`,
    (p: string) => `/swagger/../${p}`,
    (p: string) => `/swagger/..%2f${p}`,
    (p: string) => `/swagger//../${p}`,
    (p: string) => `/api/v1/products/../../../${p}`,
    (p: string) => `/api/v1/products/%2e%2e/%2e%2e/%2e%2e/${p}`,
    (p: string) => `/api/v1/products/..%2f..%2f..%2f${p}`,
    (p: string) => `/api/v1/products/%2e%2e%2f%2e%2e%2f%2e%2e%2f${p}`,
    (p: string) => `/api/v1/products/%252e%252e/${p}`,
    (p: string) => `/api/v1/products/..;/..;/..;/${p}`,
    (p: string) => `/api/v1/cart#/../../../${p}`,
    // The other way round: Nginx would read these as a public path, a service as an internal one.
    (p: string) => `/${p.split('?')[0]}/../../../api/v1/products`,
    (p: string) => `/${p.split('?')[0]}/..%2f..%2f..%2fapi/v1/products`,
    (p: string) => `/${p.split('?')[0]}/%2e%2e/%2e%2e/%2e%2e/api/v1/cart`,
    (p: string) => `/${p.split('?')[0]}%2f..%2f..%2f..%2fapi%2fv1%2forders`,
    (p: string) => `/${p.split('?')[0]}%3f/../../../api/v1/orders`,
    (p: string) => `/%20%3f/../${p.split('?')[0]}/../../../api/v1/orders`,
    (p: string) => `http://127.0.0.1/${p}`,
    (p: string) => `http://product//${p}`,
  ];
  for (const p of inner) {
    test(`/${p} by any of ${tricks.length} path tricks`, async () => {
      for (const trick of tricks) {
        for (const method of ['GET', 'POST']) {
          const answer = await raw(
            `${method} ${trick(p)} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
          );
          assert.ok([400, 404].includes(answer.status), `${trick(p)}: ${answer.status}`);
          assertProblem(answer, answer.status, answer.status === 400 ? 'bad_request' : 'not_found');
        }
      }
      assert.deepEqual(seen, []);
    });
  }
});

describe('request ids and forwarded headers', () => {
  test('a well-formed request id is accepted, forwarded and returned', async () => {
    const answer = await ask('GET', '/api/v1/cart', { 'x-request-id': 'abc_DEF-12345' });
    assert.equal(answer.headers['x-request-id'], 'abc_DEF-12345');
    assert.equal(seen[0]?.headers['x-request-id'], 'abc_DEF-12345');
  });

  test('any other request id is replaced', async () => {
    for (const id of ['short', 'x'.repeat(65), 'has space in', 'quote"quote"', 'semi;colon;12']) {
      const answer = await ask('GET', '/api/v1/cart', { 'x-request-id': id });
      assert.match(String(answer.headers['x-request-id']), /^[0-9a-f]{32}$/);
      assert.equal(seen.at(-1)?.headers['x-request-id'], answer.headers['x-request-id']);
    }
  });

  test('a service’s own request id does not appear twice', async () => {
    handler = (request, response) => {
      response.setHeader('x-request-id', String(request.headers['x-request-id']));
      response.setHeader('x-frame-options', 'SAMEORIGIN');
      response.end('{}');
    };
    const answer = await raw(
      'GET /api/v1/cart HTTP/1.1\r\nHost: x\r\nX-Request-Id: abcdefgh1\r\nConnection: close\r\n\r\n',
    );
    assert.equal(answer.headers['x-request-id'], 'abcdefgh1');
    assert.equal(answer.headers['x-frame-options'], 'DENY');
  });

  test("forwarding headers are set by Nginx, identity and internal headers aren't passed on, traces are", async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await ask(
      'POST',
      '/api/v1/orders',
      {
        host: 'shop.example:8080',
        traceparent,
        tracestate: 'a=b',
        authorization: 'Bearer t',
        'idempotency-key': 'k-1',
        'content-type': 'application/json',
        'x-cart-token': 'c',
        'if-match': '"1"',
        'x-forwarded-for': '6.6.6.6',
        'x-forwarded-host': 'evil',
        'x-forwarded-proto': 'https',
        forwarded: 'for=6.6.6.6',
        'x-user-id': 'admin',
        'x-user-role': 'admin',
        'x-user-anything': '1',
        'x-deadline-ms': '999999',
        'x-http-method-override': 'DELETE',
        'x-original-url': '/internal/x',
        cookie: 'a=b',
      },
      '{"a":1}',
    );
    const { headers, body } = seen[0] as Seen;
    assert.equal(body, '{"a":1}');
    assert.deepEqual(headers, {
      host: 'shop.example:8080',
      'content-length': '7',
      'x-request-id': headers['x-request-id'],
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'shop.example:8080',
      traceparent,
      tracestate: 'a=b',
      authorization: 'Bearer t',
      'idempotency-key': 'k-1',
      'content-type': 'application/json',
      'x-cart-token': 'c',
      'if-match': '"1"',
    });
  });
});

describe("Nginx's own errors are problems", () => {
  test('the instance is the path without its query, and safe whatever is in it', async () => {
    const cases: readonly (readonly [string, string])[] = [
      ['/nothing?token=secret', '/nothing'],
      ['/quote"}{"x":"', '/quote'],
      ['/back\\slash', '/back'],
      ["/it's%22fine", "/it's%22fine"],
      ['/<script>', '/'],
      ['/emoji-\u{1F600}', '/emoji-'],
      ['/$request_id{x}', '/$request_id'],
      [`/${'long'.repeat(500)}`, `/${'long'.repeat(500)}`.slice(0, 1024)],
    ];
    for (const [url, instance] of cases) {
      const answer = await raw(Buffer.from(`GET ${url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`));
      assertProblem(answer, 404, 'not_found');
      assert.equal(answer.json().instance, instance);
    }
  });

  test('400 for anything but HTTP, for two lengths, for a missing host', async () => {
    for (const bytes of [
      'NONSENSE\r\n\r\n',
      'GET / HTTP/1.1\r\n\r\n',
      'POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc',
      'GET /\u0001 HTTP/1.1\r\nHost: x\r\n\r\n',
    ]) {
      assertProblem(await raw(bytes), 400, 'bad_request');
    }
    assert.deepEqual(seen, []);
  });

  test('405 with Allow for TRACE and for methods that no service knows', async () => {
    for (const method of ['TRACE', 'FOO', 'PROPFIND', 'X-GET', 'GETS']) {
      for (const url of ['/api/v1/products', '/api/v1/cart', '/', '/nothing']) {
        const answer = await raw(`${method} ${url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
        assertProblem(answer, 405, 'method_not_allowed');
        assert.equal(answer.headers.allow, 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS');
      }
    }
    assert.deepEqual(seen, []);
  });

  test('413 for a body over 64 kB, by its declared length or while reading it', async () => {
    const body = 'x'.repeat(65_537);
    assertProblem(
      await raw(`POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 65537\r\n\r\n${body}`),
      413,
      'payload_too_large',
    );
    const chunked = `POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n${body}\r\n0\r\n\r\n`;
    assertProblem(await raw(chunked), 413, 'payload_too_large');
    assert.deepEqual(seen, []);
    assert.equal((await ask('POST', '/api/v1/orders', {}, 'x'.repeat(65_536))).status, 200);
  });

  test('414 for a URL, 431 for a header over 8 kB', async () => {
    assertProblem(await raw(`GET /${'a'.repeat(9000)} HTTP/1.1\r\nHost: x\r\n\r\n`), 414, 'uri_too_long');
    assertProblem(
      await raw(`GET /nothing HTTP/1.1\r\nHost: x\r\nX-Big: ${'a'.repeat(9000)}\r\n\r\n`),
      431,
      'headers_too_large',
    );
  });

  test("502 for a service that is down or aborts its answer, 504 for one that doesn't answer within 6 s, each with Retry-After", async () => {
    const { listen } = await startGateway('down', {
      servers: { ...servers, cart: [`127.0.0.1:${await freePort()}`] },
      limits: false,
    });
    const down = await send(listen, 'GET', '/api/v1/cart');
    assertProblem(down, 502, 'upstream_unavailable');
    assert.equal(down.headers['retry-after'], '2');

    handler = () => undefined;
    const began = Date.now();
    const late = await ask('POST', '/api/v1/orders');
    assertProblem(late, 504, 'upstream_timeout');
    assert.equal(late.headers['retry-after'], '2');
    assert.ok(Date.now() - began < 7000);
    assert.equal(seen.length, 1);
  });

  test("a service's own errors are passed on unchanged", async () => {
    handler = (_, response) => {
      response.writeHead(503, { 'content-type': 'application/problem+json', 'retry-after': '17' });
      response.end('{"code":"overloaded"}');
    };
    const answer = await raw(
      'POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    );
    assert.equal(answer.status, 503);
    assert.equal(answer.headers['retry-after'], '17');
    assert.equal(answer.text.includes('overloaded'), true);
    assert.equal(seen.length, 1);
  });

  test('slow headers and slow bodies are cut off', async () => {
    const began = Date.now();
    const [headers, body] = await Promise.all([
      raw('GET / HTTP/1.1\r\nHost: x\r\nX-Slow: '),
      raw('POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc'),
    ]);
    assert.deepEqual([headers.status, body.status], [0, 0]);
    assert.ok(Date.now() - began < 8000);
    assert.deepEqual(seen, []);
  });
});

describe('pages of other origins', () => {
  const origin = 'https://shop.example';
  let door: number;

  before(async () => {
    ({ listen: door } = await startGateway('cors', {
      servers,
      limits: false,
      corsOrigins: [origin, 'http://localhost:5173'],
    }));
  });

  test('a listed origin may read responses, errors included, and caches know that they vary', async () => {
    for (const url of ['/api/v1/products', '/api/v1/cart', '/nowhere']) {
      const { headers } = await send(door, 'GET', url, { origin });
      assert.equal(headers['access-control-allow-origin'], origin);
      assert.match(headers['access-control-expose-headers'] ?? '', /ETag.*X-Request-Id/);
      assert.match(String(headers.vary), /Origin/);
      assert.equal(headers['access-control-allow-credentials'], undefined);
    }
  });

  test('a preflight of a listed origin is answered by Nginx', async () => {
    const asked = {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization',
    };
    const { status, headers } = await send(door, 'OPTIONS', '/api/v1/orders', asked);
    assert.equal(status, 204);
    assert.equal(headers['access-control-allow-origin'], origin);
    assert.match(headers['access-control-allow-methods'] ?? '', /PATCH/);
    assert.match(headers['access-control-allow-headers'] ?? '', /Idempotency-Key.*X-Cart-Token/);
    assert.equal(headers['access-control-max-age'], '600');
  });

  test('no other origin is allowed, whatever it looks like, and none is reflected', async () => {
    const others = [
      'https://shop.example.evil.example',
      'https://evil-shop.example',
      'https://shop.example:8443',
      'http://shop.example',
      'https://SHOP.example/',
      `${origin} ${origin}`,
      'null',
      '*',
    ];
    for (const other of others) {
      for (const method of ['GET', 'OPTIONS']) {
        const asked = { origin: other, 'access-control-request-method': 'GET' };
        const { headers } = await send(door, method, '/api/v1/products', asked);
        assert.equal(headers['access-control-allow-origin'], undefined, `${method} ${other}`);
        assert.equal(headers['access-control-allow-methods'], undefined, `${method} ${other}`);
      }
    }
  });

  test('without a list no origin is allowed', async () => {
    const { headers } = await send(main.listen, 'GET', '/api/v1/products', { origin });
    assert.equal(headers['access-control-allow-origin'], undefined);
    assert.doesNotMatch(String(headers.vary), /Origin/);
  });

  test('an invalid origin is refused before Nginx sees it', () => {
    for (const wrong of ['shop.example', 'https://shop.example/', 'https://*.example', '*', '";return 200;"'])
      assert.throws(() => renderOnly({ corsOrigins: [wrong] }), /isn't an origin/, wrong);
  });
});

describe('limits', () => {
  test('beyond the burst a caller gets 429 with Retry-After, sign-in sooner than the rest', async () => {
    const { listen } = await startGateway('limited', {
      servers,
      apiLimit: { rate: '1r/s', burst: 7 },
      authLimit: { rate: '1r/m', burst: 3 },
    });
    const statuses: number[] = [];
    for (const url of [
      '/api/v1/auth/login',
      '/api/v1/auth/register',
      '/api/v1/auth/refresh',
      '/api/v1/auth/password',
      '/api/v1/auth/LOGIN',
      '/api/v1/auth/login/',
    ]) {
      statuses.push((await send(listen, 'POST', url)).status);
    }
    assert.deepEqual(statuses, [200, 200, 200, 200, 429, 429]);
    assert.equal((await send(listen, 'GET', '/api/v1/auth/profile')).status, 200);

    const rest = await Promise.all(Array.from({ length: 10 }, () => send(listen, 'GET', '/api/v1/cart')));
    const refused = rest.filter(({ status }) => status === 429);
    assert.ok(refused.length >= 5, `${refused.length} refused`);
    for (const answer of refused) {
      assertProblem(answer, 429, 'too_many_requests');
      assert.equal(answer.headers['retry-after'], '1');
    }
  });

  test('by default 100 sign-ins a minute pass, the 101st does not', async () => {
    const { listen } = await startGateway('defaults', { servers });
    const beganAt = performance.now();
    let passed = 0;
    let answer = await send(listen, 'POST', '/api/v1/auth/login');
    for (; answer.status === 200; passed += 1) answer = await send(listen, 'POST', '/api/v1/auth/login');
    assert.equal(answer.status, 429);
    // On a busy machine it takes longer, and every 0.6 s one more may pass.
    const more = (performance.now() - beganAt) / 600;
    assert.ok(passed >= 100 && passed <= 100 + more, `${passed} passed`);
  });

  test('LOAD_PROFILE lifts the limits', async () => {
    const { listen } = await startGateway('unlimited', {
      servers,
      limits: false,
      apiLimit: { rate: '1r/s', burst: 1 },
      authLimit: { rate: '1r/m', burst: 1 },
    });
    for (let times = 0; times < 20; times += 1)
      assert.equal((await send(listen, 'POST', '/api/v1/auth/login')).status, 200);
  });
});

describe('clients behind proxies', () => {
  let door: number;
  /** Statuses of one read for each X-Forwarded-For. */
  const askThrough = async (to: number, ...forwarded: string[]) => {
    const statuses: number[] = [];
    for (const each of forwarded)
      statuses.push((await send(to, 'GET', '/api/v1/cart', { 'x-forwarded-for': each })).status);
    return statuses;
  };
  const clientsSeen = () => seen.map(({ headers }) => headers['x-forwarded-for']);
  const twoForEach = { rate: '1r/m', burst: 1 };

  before(async () => {
    const trustedProxies = ['127.0.0.1', '10.0.0.0/8', '::1', '2001:db8:ffff::/48'];
    ({ listen: door } = await startGateway('proxied', { servers, trustedProxies, apiLimit: twoForEach }));
  });

  test('two clients behind a trusted proxy are limited, and passed on, as two', async () => {
    const [one, other] = ['203.0.113.7', '203.0.113.8'];
    assert.deepEqual(await askThrough(door, one, one, one, other), [200, 200, 429, 200]);
    assert.deepEqual(clientsSeen(), [one, one, other]);
  });

  test("a chain of trusted proxies is read from the right, and addresses made up before the client's aren't believed", async () => {
    const client = '198.51.100.7';
    const chains = [`6.6.6.6, ${client}, 10.0.0.5`, `10.6.6.6, ${client}, 2001:db8:ffff::1, 10.0.0.5`, `::1,${client}`];
    assert.deepEqual(await askThrough(door, ...chains), [200, 200, 429]);
    assert.deepEqual(clientsSeen(), [client, client]);
  });

  test("a caller that isn't a trusted proxy can't claim another address to get more requests", async () => {
    const { listen } = await startGateway('direct', { servers, trustedProxies: ['10.0.0.0/8'], apiLimit: twoForEach });
    assert.deepEqual(await askThrough(listen, '203.0.113.7', '203.0.113.8', '10.0.0.5'), [200, 200, 429]);
    assert.deepEqual(clientsSeen(), ['127.0.0.1', '127.0.0.1']);
  });

  test('an IPv6 network has one limit, however its addresses are written, and each IPv4 address its own', async () => {
    const networks = [
      ['2001:db8:a:0:1::', '2001:db8:a::1', '2001:0DB8:000A:0000:1:2:3:4'],
      ['2001:db8:a:1::', '2001:db8:a:1:ffff:ffff:ffff:ffff', '2001:db8:a:1:0:1::'],
      ['2001:db8::1', '2001:db8:0:0:1::', '2001:db8::1:2:3:4'],
      ['2001:db8:0:1::1', '2001:db8::1:0:0:0:1', '2001:db8:0:1:1:2:3:4'],
      ['2001::1:0:0:0:1', '2001:0:0:1:1:2:3:4', '2001:0:0:1::'],
      ['2001::1', '2001:0:0:0:1:2:3:4', '2001::1:0:0:0'],
      ['::2', '::1:0:0:0', '0:0:0:0:1:2:3:4'],
      ['198.51.100.10', '::ffff:198.51.100.10', '::ffff:c633:640a'],
      ['::ffff:198.51.100.11', '198.51.100.11', '0:0:0:0:0:ffff:198.51.100.11'],
    ];
    for (const network of networks)
      assert.deepEqual(await askThrough(door, ...network), [200, 200, 429], network.join(', '));
  });

  test('an entry that is neither an address nor a network is refused by name, before Nginx sees it', () => {
    for (const wrong of [
      'proxy.example',
      '10.0.0',
      '10.0.0.0/33',
      '::/129',
      '10.0.0.0/',
      '/8',
      '::1%lo',
      '::1;',
      '*',
    ]) {
      const fault = `${wrong} is neither an address nor a network, such as 10.0.0.0/8`;
      assert.throws(() => renderOnly({ trustedProxies: ['::1', wrong] }), { message: `${fault}.` });
      assert.throws(() => readSettings({ TRUSTED_PROXIES: `127.0.0.1, ${wrong}` }), {
        message: `The configuration has faults:\n  TRUSTED_PROXIES: ${fault}`,
      });
    }
    const { trustedProxies } = readSettings({ TRUSTED_PROXIES: '127.0.0.1, 2001:db8::/32' });
    assert.deepEqual(trustedProxies, ['127.0.0.1', '2001:db8::/32']);
  });
});

describe('a write is never sent twice', () => {
  test('not if the service drops the connection after it was sent, with or without replicas', async () => {
    const spare = await startStub('cart-replica');
    const { listen } = await startGateway('replicas', {
      servers: { ...servers, cart: [...servers.cart, spare] },
      limits: false,
    });
    handler = (request) => request.socket.destroy();
    for (const method of ['POST', 'PATCH']) {
      for (let times = 1; times <= 5; times += 1) {
        assertProblem(await send(port, method, '/api/v1/orders', {}, '{}'), 502, 'upstream_unavailable');
        assert.equal(seen.filter((request) => request.service === 'order' && request.method === method).length, times);
      }
      for (let times = 0; times < 5; times += 1) {
        const before = seen.length;
        assertProblem(await send(listen, method, '/api/v1/cart/items', {}, '{}'), 502, 'upstream_unavailable');
        assert.equal(seen.length - before, 1);
      }
    }
  });

  test('a connection refused by one replica is tried at another, even one that has just come back', async () => {
    const addresses = [await startStub('order-1'), await startStub('order-2')];
    const [first, second] = ['order-1', 'order-2'].map((name) => stubs.get(name)) as [http.Server, http.Server];
    const { port: firstPort } = first.address() as AddressInfo;
    const { listen } = await startGateway('rolling', { servers: { ...servers, order: addresses }, limits: false });
    const order = () => send(listen, 'POST', '/api/v1/orders', {}, '{}');
    first.close();
    // Both take turns: by now the first is known as one that refuses.
    for (let times = 0; times < 10; times += 1) assert.equal((await order()).status, 200);
    first.listen(firstPort, '127.0.0.1');
    await once(first, 'listening');
    second.close();
    second.closeIdleConnections();
    seen.length = 0;
    for (let times = 0; times < 10; times += 1) assert.equal((await order()).status, 200);
    assert.deepEqual(
      seen.map(({ service }) => service),
      Array(10).fill('order-1'),
    );
  });

  test('a read is tried at another replica', async () => {
    const spare = await startStub('user-replica');
    const { listen } = await startGateway('failover', {
      servers: { ...servers, user: [...servers.user, spare] },
      limits: false,
    });
    handler = (request, response) => (seen.length === 1 ? request.socket.destroy() : normal(request, response));
    assert.equal((await send(listen, 'GET', '/api/v1/users')).status, 200);
    assert.equal(seen.length, 2);
  });
});

describe('the catalogue cache', () => {
  let version = 0;
  const catalogue: Handler = (_, response) => {
    version += 1;
    response.setHeader('content-type', 'application/json');
    response.setHeader('cache-control', 'public, max-age=0, s-maxage=1');
    response.setHeader('etag', `"${version}"`);
    response.end(JSON.stringify({ version }));
  };
  let lists = 0;
  const fresh = () => {
    lists += 1;
    return `/api/v1/products?limit=${lists}`;
  };

  test('the same list is requested once a second, and is new within 2 s', async () => {
    handler = catalogue;
    const url = fresh();
    const first = await ask('GET', url);
    assert.equal(first.headers['x-cache'], 'MISS');
    assert.equal(first.headers['cache-control'], 'public, max-age=0, s-maxage=1');
    const second = await ask('GET', url);
    assert.equal(second.headers['x-cache'], 'HIT');
    assert.equal(second.text, first.text);
    await sleep(2000);
    const third = await ask('GET', url);
    assert.equal(third.headers['x-cache'], 'EXPIRED');
    assert.notEqual(third.text, first.text);
  });

  describe('of what is live', () => {
    let now = 0;
    const setCaching = createCaching(() => now);
    const live: Handler = (_, response) => {
      setCaching('live-catalogue', response);
      response.setHeader('content-type', 'application/json');
      response.setHeader('etag', `"${version}"`);
      response.end(JSON.stringify({ version }));
    };
    beforeEach(() => {
      now += 1000;
      handler = live;
    });

    test('every read reaches the service and shows the latest change, with its tag', async () => {
      const url = fresh();
      const caches: unknown[] = [];
      for (let reads = 1; reads <= 3; reads += 1) {
        version += 1;
        const { text, headers } = await ask('GET', url);
        assert.equal(text, JSON.stringify({ version }));
        assert.equal(headers.etag, `"${version}"`);
        assert.equal(headers['cache-control'], 'public, max-age=0');
        assert.equal(headers['x-accel-expires'], undefined);
        caches.push(headers['x-cache']);
      }
      assert.deepEqual(caches, ['MISS', 'EXPIRED', 'EXPIRED']);
      assert.equal(seen.length, 3);
    });

    test('its own tag, weak too, is 304, and the one before a change is not', async () => {
      const url = fresh();
      const { etag } = (await ask('GET', url)).headers;
      for (const tag of [String(etag), `W/${etag}`])
        assert.equal((await ask('GET', url, { 'if-none-match': tag })).status, 304);
      version += 1;
      assert.equal((await ask('GET', url, { 'if-none-match': String(etag) })).status, 200);
      assert.equal(seen.length, 4);
    });

    test('many who read at once wait for nobody', async () => {
      const url = fresh();
      await ask('GET', url);
      let waiting: (() => void)[] = [];
      handler = (request, response) => {
        waiting.push(() => live(request, response));
        // Nobody is answered before all are here: had one waited for another's answer, all would wait.
        if (waiting.length < 20) return;
        for (const answer of waiting) answer();
        waiting = [];
      };
      const answers = await Promise.all(Array.from({ length: 20 }, () => ask('GET', url)));
      assert.deepEqual(
        answers.map(({ headers }) => headers['x-cache']),
        Array(20).fill('EXPIRED'),
      );
    });

    test('the last answer is served while the service fails, and only then', async () => {
      const url = fresh();
      const first = await ask('GET', url);
      handler = (request) => request.socket.destroy();
      const stale = await ask('GET', url);
      assert.deepEqual([stale.status, stale.headers['x-cache'], stale.text], [200, 'STALE', first.text]);
      handler = live;
      version += 1;
      assert.notEqual((await ask('GET', url)).text, first.text);
    });

    test('beyond 100 answers of a replica in a second Nginx answers for a second, and then the service again', async () => {
      const url = fresh();
      for (let reads = 1; reads <= 101; reads += 1) assert.notEqual((await ask('GET', url)).headers['x-cache'], 'HIT');
      const { headers } = await ask('GET', url);
      assert.equal(headers['x-cache'], 'HIT');
      assert.equal(headers['cache-control'], 'public, max-age=0, s-maxage=1');
      assert.equal(seen.length, 101);
      now += 1000;
      await sleep(2000);
      for (let reads = 1; reads <= 2; reads += 1) assert.equal((await ask('GET', url)).headers['x-cache'], 'EXPIRED');
    });
  });

  test('simultaneous requests wait for one answer', async () => {
    handler = (request, response) => setTimeout(() => catalogue(request, response), 30);
    const url = fresh();
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask('GET', url)));
    assert.equal(seen.length, 1);
    assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
  });

  test("the caller makes no difference: a reader's token isn't passed on, but an admin's change is", async () => {
    handler = catalogue;
    const url = fresh();
    await ask('GET', url, { authorization: 'Bearer a' });
    assert.equal((await ask('GET', url, { authorization: 'Bearer b' })).headers['x-cache'], 'HIT');
    assert.equal(seen[0]?.headers.authorization, undefined);
    await ask('PATCH', '/api/v1/products/1', { authorization: 'Bearer a', 'if-match': '"1.2"' }, '{}');
    assert.equal(seen.at(-1)?.headers.authorization, 'Bearer a');
    assert.equal(seen.at(-1)?.headers['if-match'], '"1.2"');
  });

  test('nor does the Host header: made-up hosts neither fill the cache nor bypass it', async () => {
    handler = catalogue;
    const url = fresh();
    await ask('GET', url, { host: 'one.example' });
    assert.equal((await ask('GET', url, { host: 'two.example' })).headers['x-cache'], 'HIT');
    assert.equal(seen.length, 1);
  });

  test('If-None-Match is answered from the cache with 304, weak tags too', async () => {
    handler = catalogue;
    const url = fresh();
    const { etag } = (await ask('GET', url)).headers;
    for (const tag of [String(etag), `W/${etag}`]) {
      const answer = await ask('GET', url, { 'if-none-match': tag });
      assert.equal(answer.status, 304);
      assert.equal(answer.headers.etag, etag);
      assertSecurityHeaders(answer);
    }
    assert.equal((await ask('GET', url, { 'if-none-match': '"other"' })).status, 200);
    const first = await ask('GET', fresh(), { 'if-none-match': '"other"' });
    assert.equal(first.status, 200);
    assert.equal(seen.at(-1)?.headers['if-none-match'], undefined);
  });

  test('a condition that Nginx itself refuses is a problem, and a range is ignored', async () => {
    handler = catalogue;
    const url = fresh();
    const { etag } = (await ask('GET', url)).headers;
    for (const tag of ['"other"', ''])
      assertProblem(await ask('GET', url, { 'if-match': tag }), 412, 'precondition_failed');
    assert.equal((await ask('GET', url, { 'if-match': String(etag) })).status, 200);
    for (const path of [url, '/docs/'])
      for (const range of ['bytes=1-2', 'bytes=9999-']) assert.equal((await ask('GET', path, { range })).status, 200);
  });

  test('a read that fails its precondition announces that its connection is closed', async () => {
    handler = catalogue;
    const url = fresh();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const read = (headers: http.OutgoingHttpHeaders) => send(port, 'GET', url, headers, undefined, agent);
    await read({});
    for (const headers of [{ 'if-match': '"other"' }, { 'if-unmodified-since': new Date(0).toUTCString() }]) {
      const { status, headers: answered } = await read(headers);
      assert.deepEqual([status, answered.connection], [412, 'close']);
      assert.equal((await read({})).status, 200);
    }
    agent.destroy();
  });

  test('a stale answer is served while the service fails, and only then', async () => {
    handler = catalogue;
    const url = fresh();
    const first = await ask('GET', url);
    await sleep(2000);
    for (const failing of [
      ((request) => request.socket.destroy()) satisfies Handler,
      ((_, response) => response.writeHead(503).end()) satisfies Handler,
    ]) {
      handler = failing;
      const stale = await ask('GET', url);
      assert.deepEqual([stale.status, stale.headers['x-cache'], stale.text], [200, 'STALE', first.text]);
    }
    assert.equal((await ask('GET', fresh())).status, 503);
    handler = catalogue;
    assert.notEqual((await ask('GET', url)).text, first.text);
  });

  test('refusals, personal responses and other methods are never cached', async () => {
    handler = (_, response) => response.writeHead(400, { 'content-type': 'application/problem+json' }).end('{}');
    const url = '/api/v1/products?nonsense=1';
    await ask('GET', url);
    await ask('GET', url);
    assert.equal(seen.length, 2);
    handler = catalogue;
    for (const personal of ['/api/v1/cart', '/api/v1/orders', '/api/v1/auth/profile']) {
      const texts = [await ask('GET', personal), await ask('GET', personal)].map(({ text }) => text);
      assert.equal(new Set(texts).size, 2);
    }
    handler = (_, response) => response.writeHead(200, { 'cache-control': 'no-store' }).end(String(Math.random()));
    const uncached = fresh();
    assert.notEqual((await ask('GET', uncached)).text, (await ask('GET', uncached)).text);
  });

  test('HEAD has the headers and no body', async () => {
    handler = catalogue;
    const answer = await ask('HEAD', fresh());
    assert.deepEqual([answer.status, answer.text], [200, '']);
    assert.ok(answer.headers.etag);
  });

  test('a compressed response keeps its ETag, weakened', async () => {
    handler = (_, response) => {
      response.setHeader('content-type', 'application/json');
      response.setHeader('etag', '"7.3"');
      response.end(JSON.stringify({ text: 'x'.repeat(4000) }));
    };
    const answer = await ask('GET', '/api/v1/products/1', { 'accept-encoding': 'gzip' });
    assert.equal(answer.headers['content-encoding'], 'gzip');
    assert.equal(answer.headers.etag, 'W/"7.3"');
    assert.match(String(answer.headers.vary), /Accept-Encoding/i);
  });
});

describe('connections and the log', () => {
  test('connections to a service are reused', async () => {
    for (let times = 0; times < 20; times += 1) await ask('POST', '/api/v1/orders');
    assert.equal(seen.length, 20);
    assert.ok(new Set(seen.map(({ port }) => port)).size <= 2);
    assert.equal(seen[0]?.headers.connection, undefined);
  });

  test('each request is one JSON log line with its service and without secrets', async () => {
    const id = `log-${Date.now()}`;
    await ask('GET', '/api/v1/orders?limit=5&access_token=canary', { 'x-request-id': `${id}-a` });
    await ask('GET', '/api/v1/orders?limit=5&cursor=abc', { 'x-request-id': `${id}-b`, traceparent: '00-"evil\\' });
    await raw(`GET /"quoted" HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${id}-c\r\nConnection: close\r\n\r\n`);
    await sleep(1300);
    const log = await readFile(path.join(main.stateDir, 'access.log'), 'utf8');
    const lines = log
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const [a, b, c] = ['a', 'b', 'c'].map((letter) => lines.find(({ requestId }) => requestId === `${id}-${letter}`));
    assert.equal(a.uri, '/api/v1/orders?[unlisted]');
    assert.deepEqual([a.upstreamService, a.method, a.status, a.upstreamAddr], ['order', 'GET', 200, servers.order[0]]);
    assert.deepEqual([a.service, a.level, a.event], ['nginx', 'info', 'request_handled']);
    assert.match(a.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]/);
    assert.ok(Math.abs(Date.parse(a.timestamp) - Date.now()) < 30_000, a.timestamp);
    assert.equal(a.durationMs, Math.round(a.requestTime * 1000));
    assert.equal(b.uri, '/api/v1/orders?limit=5&cursor=abc');
    assert.match(b.traceId, /^[0-9a-f]{32}$/);
    assert.equal(typeof b.requestTime, 'number');
    assert.deepEqual([c.uri, c.status, c.upstreamService], ['/"quoted"', 404, 'none']);
    assert.equal(log.includes('canary'), false);
    const routed = lines.filter(
      ({ upstreamAddr, upstreamService }) => /^[\d.:]+$/.test(upstreamAddr) && SERVICES.includes(upstreamService),
    );
    assert.ok(routed.length > 50);
    for (const line of routed) assert.equal(line.upstreamAddr, servers[line.upstreamService as 'cart'][0], line.uri);
  });

  test("every request has a trace, the caller's if it is well-formed, else a new one, also in the log", async () => {
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    const good = `00-${trace}-00f067aa0ba902b7-00`;
    const malformed = [
      '',
      good.toUpperCase(),
      good.replace('00-', '01-'),
      `${good}-more`,
      good.replace(trace, '0'.repeat(32)),
      good.replace('00f067aa0ba902b7', '0'.repeat(16)),
      `${good}, ${good}`,
      '00-"evil\\',
    ];
    const id = `trace-${Date.now()}`;
    const given = [good, ...malformed];
    for (const [index, traceparent] of given.entries()) {
      const headers = { 'x-request-id': `${id}-${index}`, tracestate: 'a=b', ...(traceparent && { traceparent }) };
      await ask('GET', '/api/v1/cart', headers);
    }
    const [kept, ...made] = seen.map(({ headers }) => headers);
    assert.deepEqual([kept?.traceparent, kept?.tracestate], [good, 'a=b']);
    for (const { traceparent, tracestate } of made) {
      const [, traceId, parent] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-01$/.exec(String(traceparent)) ?? [];
      assert.equal(traceId?.slice(0, 16), parent, 'it says that nobody began it');
      assert.equal(tracestate, undefined);
    }
    assert.equal(new Set(made.map(({ traceparent }) => traceparent)).size, malformed.length);
    await sleep(1300);
    const log = await readFile(path.join(main.stateDir, 'access.log'), 'utf8');
    const lines = log
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const logged = given.map((_, index) => lines.find(({ requestId }) => requestId === `${id}-${index}`).traceId);
    assert.deepEqual(
      logged,
      seen.map(({ headers }) => String(headers.traceparent).split('-')[1]),
    );
  });

  test('the status page is only on its own loopback port', async () => {
    assert.match((await send(main.status, 'GET', '/stub_status')).text, /Active connections/);
    assert.equal((await send(main.status, 'GET', '/api/v1/products')).status, 404);
  });
});
