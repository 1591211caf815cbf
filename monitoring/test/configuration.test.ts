import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { ensureTools } from '../../services/local/src/tools.ts';
import { renderPrometheus, type Targets } from '../prometheus/configuration.ts';

const rulesDir = path.resolve(import.meta.dirname, '../prometheus/rules');

let folder: string;

before(async () => {
  await ensureTools(['prometheus']);
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

test('Prometheus takes addresses, names whose addresses come and go, and no target at all, each with all rules', async () => {
  await check(renderAll(['127.0.0.1:8000', '127.0.0.1:8010']));
  await check(renderAll({ names: ['cassandra', 'cassandra-2'], port: 7070 }));
  await check(renderAll([]));
});

test('a name is looked up as often as its job is scraped, so that replicas are found and lost', () => {
  const { global, scrape_configs: jobs } = parse(renderAll({ names: ['product'], port: 8000 }));
  assert.equal(jobs.length, 10);
  for (const { dns_sd_configs: lookUps } of jobs)
    assert.deepEqual(lookUps, [
      { names: ['product'], type: 'A', port: 8000, refresh_interval: global.scrape_interval },
    ]);
});
