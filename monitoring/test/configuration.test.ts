import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { ensureTools, programOf } from '../../services/local/src/tools.ts';
import { eventually } from '../../services/local/test-support/eventually.ts';
import { freePort } from '../../services/local/test-support/free-port.ts';
import { renderPrometheus, type Targets } from '../prometheus/configuration.ts';

/** Nginx's response at /stub_status. */
const STATUS = 'Active connections: 1 \nserver accepts handled requests\n 1 1 1 \nReading: 0 Writing: 1 Waiting: 0 \n';
const rulesDir = path.resolve(import.meta.dirname, '../prometheus/rules');

let folder: string;

before(async () => {
  await ensureTools(['prometheus', 'nginx-exporter']);
  folder = await mkdtemp(path.join(tmpdir(), 'store-prometheus-'));
});
after(() => rm(folder, { recursive: true, force: true }));

/** The same kind of targets for every job. */
function renderAll(targets: Targets): string {
  const services = { product: targets, cart: targets, order: targets, user: targets };
  const others = { cassandra: targets, node: targets, prometheus: targets, alertmanager: targets };
  return renderPrometheus({ rulesDir, targets: { ...services, nginx: targets, 'nginx-log': targets, ...others } });
}

async function check(text: string): Promise<void> {
  const file = path.join(folder, 'prometheus.yml');
  await writeFile(file, text);
  await promisify(execFile)('promtool', ['check', 'config', file]);
}

test('Prometheus accepts addresses, names whose addresses change, and no targets at all, each with all rules', async () => {
  await check(renderAll(['127.0.0.1:8000', '127.0.0.1:8010']));
  await check(renderAll({ names: ['cassandra', 'cassandra-2'], port: 7070 }));
  await check(renderAll([]));
});

test('a name is resolved as often as its job is scraped, so that new and lost replicas are noticed', () => {
  const { global, scrape_configs: jobs } = parse(renderAll({ names: ['product'], port: 8000 }));
  assert.equal(jobs.length, 10);
  for (const { dns_sd_configs: lookUps } of jobs)
    assert.deepEqual(lookUps, [
      { names: ['product'], type: 'A', port: 8000, refresh_interval: global.scrape_interval },
    ]);
});

test('the exporter reports Nginx as down if it hangs or is gone, before Prometheus’ scrape times out', async (t) => {
  let hangs = false;
  const nginx = createServer((_, response) => void (hangs || response.end(STATUS))).listen(0, '127.0.0.1');
  await once(nginx, 'listening');
  const statusUrl = `http://127.0.0.1:${(nginx.address() as AddressInfo).port}/stub_status`;
  const address = `127.0.0.1:${await freePort()}`;
  const args = [`-nginx.scrape-uri=${statusUrl}`, `-web.listen-address=${address}`];
  const exporter = spawn(programOf('nginx-exporter'), args, { stdio: 'ignore' });
  const close = () => {
    nginx.close();
    nginx.closeAllConnections();
  };
  t.after(() => {
    exporter.kill();
    close();
  });

  const { global, scrape_configs: jobs } = parse(renderAll([]));
  const job = jobs.find(({ job_name: name }: { job_name: string }) => name === 'nginx');
  const timeout = Number.parseInt(job.scrape_timeout ?? global.scrape_timeout, 10) * 1000;
  async function isUp(): Promise<string | undefined> {
    const response = await fetch(`http://${address}/metrics`, { signal: AbortSignal.timeout(timeout) });
    return /^nginx_up (\d)$/m.exec(await response.text())?.[1];
  }
  await eventually(
    () => isUp().catch(() => undefined),
    (up) => up === '1',
    10_000,
  );
  hangs = true;
  assert.equal(await isUp(), '0');
  close();
  assert.equal(await isUp(), '0');
});
