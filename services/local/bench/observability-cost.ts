import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { connectDatabase } from '#platform/cassandra/database.ts';
import { silentLogger } from '#platform/logging.ts';
import { createMetrics } from '#platform/metrics.ts';
import { newTraceparent } from '#platform/tracing/trace-context.ts';
import { V8_FLAGS } from '../src/store/services.ts';
import { toTable } from '../src/table.ts';
import { type TestKeyspaces, useKeyspaces } from '../test-support/cassandra.ts';
import { createTestCatalogue } from '../test-support/catalogue.ts';
import { freePort } from '../test-support/free-port.ts';
import { testServiceConfig } from '../test-support/service-config.ts';
import { type SpanReceiver, startSpanReceiver } from '../test-support/span-receiver.ts';

const MAIN = join(import.meta.dirname, '../../product/src/main.ts');
const WITHOUT_METRICS = join(import.meta.dirname, '../test-support/without-metrics.ts');
const ROUNDS = 40;
const REQUESTS = 96;
const AT_ONCE = 8;
/** As a share of the CPU time of a list request. */
const METRICS_MAY_COST = 0.1;

/** A product service in a process of its own. */
interface Measured {
  readonly process: ChildProcess;
  readonly pool: Pool;
}

let keyspaces: TestKeyspaces;
let receiver: SpanReceiver;
let folder: string;
const running = new Map<string, Measured>();

async function prepare(): Promise<void> {
  [keyspaces, receiver] = await Promise.all([useKeyspaces(), startSpanReceiver()]);
  folder = mkdtempSync(join(tmpdir(), 'store-cost-'));
  const { contactPoints, localDataCenter, keyspacePrefix, passwords } = keyspaces;
  const keyspace = `${keyspacePrefix}product`;
  const account = { contactPoints, localDataCenter, keyspace, username: keyspace, password: passwords.product };
  const database = await connectDatabase(account, createMetrics(), silentLogger);
  await createTestCatalogue(database).addProducts(Array.from({ length: 40 }, () => ({})));
  await database.close();
  const starts = [
    start('nothing', {}, [`--import=${WITHOUT_METRICS}`]),
    start('metrics', {}),
    start('metrics and a line', { LOG_LEVEL: 'debug' }),
    start('metrics and spans', { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint }),
  ];
  await Promise.all(starts);
}

async function cleanUp(): Promise<void> {
  for (const { process, pool } of running.values()) {
    process.kill('SIGKILL');
    await pool.destroy();
  }
  receiver?.stop();
  if (folder) rmSync(folder, { recursive: true });
  await keyspaces?.stop();
}

async function start(name: string, settings: Record<string, string>, flags: readonly string[] = []): Promise<void> {
  const config = testServiceConfig('product', keyspaces, {
    PORT: await freePort(),
    LOG_LEVEL: 'info',
    CURSOR_SECRET: 'a secret of the tests that is long enough',
    CURRENCY: 'USD',
  });
  const env = Object.fromEntries(
    Object.entries({ ...config, ...settings }).map(([key, value]) => [key, String(value)]),
  );
  const log = openSync(join(folder, `${name}.log`), 'a');
  const child = spawn(process.execPath, [...flags, ...V8_FLAGS, MAIN], { env, stdio: ['ignore', log, log] });
  closeSync(log);
  const url = `http://127.0.0.1:${config.PORT}`;
  running.set(name, { process: child, pool: new Pool(url, { connections: AT_ONCE }) });
  for (let tries = 0; !(await fetch(`${url}/health/readiness`).catch(() => undefined))?.ok; tries += 1) {
    assert.ok(tries < 300 && child.exitCode === null, readFileSync(join(folder, `${name}.log`), 'utf8'));
    await sleep(100);
  }
}

/** µs of CPU time per list request, over `REQUESTS` of them and all threads of the process. */
async function measure({ process: { pid = 0 }, pool }: Measured): Promise<number> {
  const before = cpuOf(pid);
  const shoppers = Array.from({ length: AT_ONCE }, async () => {
    for (let request = 0; request < REQUESTS / AT_ONCE; request += 1) {
      const headers = { traceparent: newTraceparent(true) };
      const { statusCode, body } = await pool.request({ method: 'GET', path: '/api/v1/products', headers });
      await body.dump();
      assert.equal(statusCode, 200);
    }
  });
  await Promise.all(shoppers);
  return (cpuOf(pid) - before) / 1000 / REQUESTS;
}

/**
 * ns of processor time, from https://docs.kernel.org/scheduler/sched-stats.html: a round is too short for the 10 ms ticks of
 * `processorTimeOf`, and no thread ends during it.
 */
function cpuOf(pid: number): number {
  const times = readdirSync(`/proc/${pid}/task`).map((task) =>
    readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8'),
  );
  return times.reduce((sum, text) => sum + Number(text.split(' ')[0]), 0);
}

/** The 10th percentile: a round that was hardly disturbed by whatever else the machine does. */
function leastOf(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 10)] as number;
}

function residentMb({ process: { pid } }: Measured): number {
  return Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024);
}

/** True if metrics cost no more than promised. */
async function compare(): Promise<boolean> {
  const measured = new Map<string, number[]>([...running.keys()].map((name) => [name, []]));
  for (let round = -3; round < ROUNDS; round += 1) {
    for (const [name, service] of running) {
      const us = await measure(service);
      if (round >= 0) measured.get(name)?.push(us);
    }
  }
  const costOf = (name: string) => leastOf(measured.get(name) as number[]);
  const rows = [...running].map(([name, service]) => {
    const values = measured.get(name) as number[];
    const ratio = (costOf(name) / costOf('metrics')).toFixed(2);
    return [name, Math.round(costOf(name)), Math.round(Math.max(...values)), ratio, residentMb(service)];
  });
  console.log(toTable(['a list request with', 'µs of CPU', 'worst', 'relative to metrics', 'MB'], rows).join('\n'));
  const share = 1 - costOf('nothing') / costOf('metrics');
  const [cost, bound] = [`${(100 * share).toFixed(1)} %`, `${100 * METRICS_MAY_COST} %`];
  console.log(`Metrics cost ${cost}; at most ${bound} is promised.`);
  return share <= METRICS_MAY_COST;
}

try {
  await prepare();
  process.exitCode = (await compare()) ? 0 : 1;
} finally {
  await cleanUp();
}
