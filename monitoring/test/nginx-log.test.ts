import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { checkGateway, findNginx, gatewayArguments, renderGateway } from '../../nginx/gateway.ts';
import { ensureTools } from '../../services/local/src/tools.ts';
import { freePort } from '../../services/local/test-support/free-port.ts';

const PROGRAMS = path.join(import.meta.dirname, '../mtail');

let folder: string;
let nginx: ChildProcess;
let service: http.Server;
let metrics: string;

before(async () => {
  await ensureTools(['nginx', 'mtail']);
  folder = await mkdtemp(path.join(tmpdir(), 'store-nginx-log-'));
  service = http.createServer((_, response) => {
    response.writeHead(200, { 'cache-control': 'public, max-age=0, s-maxage=60' }).end('{}');
  });
  const alive = `127.0.0.1:${await listen(service)}`;
  const dead = `127.0.0.1:${await freePort()}`;
  const port = await freePort();
  const accessLog = path.join(folder, 'access.log');
  const configFile = renderGateway({
    stateDir: folder,
    accessLogs: [accessLog],
    errorLog: path.join(folder, 'error.log'),
    listen: `127.0.0.1:${port}`,
    statusListen: `127.0.0.1:${await freePort()}`,
    servers: { product: [alive], cart: [alive], order: [dead], user: [alive] },
    workers: 1,
  });
  await checkGateway(configFile);
  nginx = spawn(findNginx() ?? 'nginx', gatewayArguments(configFile), { stdio: 'ignore' });
  while (!(await send(port, 'GET', '/').catch(() => false)));

  await send(port, 'GET', '/api/v1/products');
  await send(port, 'GET', '/api/v1/products');
  await send(port, 'POST', '/api/v1/cart');
  await send(port, 'PROPFIND', '/api/v1/cart');
  await send(port, 'POST', '/api/v1/orders');
  // A field of the log, as a caller would forge it.
  await send(port, 'GET', '/nowhere"%22,"status":500,"bytes":1,"requestTime":9.000,"upstreamService":"forged",');

  nginx.kill('SIGQUIT');
  await once(nginx, 'exit');
  const args = ['-one_shot', '-one_shot_format=prometheus', '-emit_prog_label=false', '-address=127.0.0.1', '-port=0'];
  metrics = (await promisify(execFile)('mtail', [...args, `-progs=${PROGRAMS}`, `-logs=${accessLog}`])).stdout;
});

after(async () => {
  nginx?.kill('SIGKILL');
  service?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

async function listen(server: http.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** True when something answered. */
function send(port: number, method: string, requestPath: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, method, path: requestPath, agent: false }, (response) => {
      response.resume().on('end', () => resolve(true));
    });
    request.on('error', reject);
    request.end();
  });
}

/** Values of a metric, by its labels as they are written. */
function valuesOf(name: string): Record<string, number> {
  const lines = [...metrics.matchAll(new RegExp(`^${name}\\{(.*)\\} (\\S+)$`, 'gm'))];
  return Object.fromEntries(lines.map(([, labels, value]) => [String(labels), Number(value)]));
}

test('each request is counted by service, method and status, even if Nginx itself refused it; a method that the API lacks is "other"', () => {
  const requests = valuesOf('nginx_http_requests_total');
  assert.equal(requests['method="GET",status="200",upstream_service="product"'], 2);
  assert.equal(requests['method="POST",status="200",upstream_service="cart"'], 1);
  assert.equal(requests['method="other",status="405",upstream_service="cart"'], 1);
  assert.equal(requests['method="POST",status="502",upstream_service="order"'], 1);
});

test('what the cache did is counted, and its answers took no time of the service', () => {
  assert.deepEqual(valuesOf('nginx_cache_requests_total'), { 'status="HIT"': 1, 'status="MISS"': 1 });
  assert.equal(valuesOf('nginx_http_upstream_duration_seconds_count')['upstream_service="product"'], 1);
  assert.equal(valuesOf('nginx_http_request_duration_seconds_count')['upstream_service="product"'], 2);
});

test('nothing in an address passes for a field', () => {
  assert.equal(metrics.includes('forged'), false);
  assert.equal(metrics.includes('500'), false);
  assert.equal(valuesOf('nginx_http_request_duration_seconds_count')['upstream_service="none"'], 1);
});
