import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { SERVICE_NAMES } from '#platform/service-names.ts';
import { createPrometheusClient, type PrometheusClient } from '../../../monitoring/prometheus/client.ts';
import { eventually } from '../test-support/eventually.ts';
import { type SpanReceiver, startSpanReceiver } from '../test-support/span-receiver.ts';
import { alerts } from './alerts.ts';
import { dashboards } from './dashboards.ts';
import { oneRequest } from './one-request.ts';
import { profiles } from './profiles.ts';
import { type RunningStore, startRunningStore } from './running-store.ts';

interface Target {
  readonly scrapeUrl: string;
  readonly health: string;
  readonly lastError: string;
  readonly labels: Readonly<Record<string, string>>;
}

const JOBS = [...SERVICE_NAMES, 'nginx', 'nginx-log', 'cassandra', 'node', 'prometheus', 'alertmanager'];
/** ms. */
const SERVICE_SCRAPE = 20;
const CASSANDRA_SCRAPE = 1000;
const ROWS_WITHIN = 60_000;
/** Scrapes in a row. */
const SCRAPES = 10;

let receiver: SpanReceiver;
let running: RunningStore;
let prometheusUrl: string;
let prometheus: PrometheusClient;

before(async () => {
  receiver = await startSpanReceiver();
  running = await startRunningStore({
    observe: true,
    openTelemetry: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint },
    seedProducts: 2000,
  });
  prometheusUrl = running.store.monitoring?.prometheusUrl as string;
  prometheus = createPrometheusClient(prometheusUrl);
});
after(async () => {
  await running?.stop();
  receiver?.stop();
});

/** `data` of a response of Prometheus' API. */
async function ask<Data>(what: string): Promise<Data> {
  const response = await fetch(`${prometheusUrl}/api/v1/${what}`);
  assert.equal(response.status, 200, what);
  return ((await response.json()) as { data: Data }).data;
}

async function listTargets(): Promise<readonly Target[]> {
  return (await ask<{ activeTargets: Target[] }>('targets?state=active')).activeTargets;
}

/** The only value; undefined if there is none. */
async function readValue(expression: string): Promise<number | undefined> {
  const samples = await prometheus.query(expression);
  assert.ok(samples.length <= 1, `${expression} has ${samples.length} values`);
  return samples[0]?.value;
}

describe('one request', () =>
  oneRequest(
    () => running,
    () => receiver,
  ));

describe('npm start -- --observe', () => {
  test('Prometheus sees every part of the store, the machine and itself', async () => {
    const targets = await eventually(listTargets, (all) => all.every(({ health }) => health === 'up'), 30_000);
    assert.deepEqual(targets.map(({ labels }) => labels.job).sort(), [...JOBS].sort());
    assert.equal(await readValue('prometheus_notifications_alertmanagers_discovered'), 1);
  });

  test('each request to Nginx is counted with its status, its duration and what the cache did', async () => {
    const { baseUrl } = running.store;
    const count = () => readValue('sum(nginx_http_requests_total{upstream_service="cart",method="GET",status="401"})');
    const before = (await count()) ?? 0;
    for (let request = 0; request < 7; request += 1) await fetch(`${baseUrl}/api/v1/cart`);
    for (let request = 0; request < 3; request += 1) await fetch(`${baseUrl}/api/v1/products?limit=7`);
    await eventually(count, (now) => now === before + 7, 15_000);
    for (const claim of [
      'nginx_cache_requests_total{status="MISS"} > 0',
      'nginx_cache_requests_total{status="HIT"} > 0',
      'nginx_http_request_duration_seconds_count{upstream_service="cart"} > 0',
      'nginx_http_upstream_duration_seconds_count{upstream_service="cart"} > 0',
      'nginx_up == 1',
    ]) {
      await eventually(
        () => readValue(claim),
        (value) => value !== undefined,
        15_000,
      );
    }
  });

  test(`a scrape of a service takes ${SERVICE_SCRAPE} ms at most, of Cassandra ${CASSANDRA_SCRAPE} ms`, async (t) => {
    const isTimed = ({ labels }: Target) => SERVICE_NAMES.some((name) => name === labels.job) || isCassandra(labels);
    const isCassandra = ({ job }: Target['labels']) => job === 'cassandra';
    for (const { scrapeUrl, labels } of (await listTargets()).filter(isTimed)) {
      const limit = isCassandra(labels) ? CASSANDRA_SCRAPE : SERVICE_SCRAPE;
      // One whole row within the limit is enough: during the others the machine may have been busy with something else.
      const row = await eventually(
        () => timeScrapes(scrapeUrl),
        (times) => Math.max(...times) <= limit,
        ROWS_WITHIN,
      );
      t.diagnostic(`${labels.job}: ${Math.max(...row).toFixed(1)} ms at most`);
    }
  });
});

describe('dashboards and rules', () => dashboards(() => running));

describe('alerts', () => alerts(() => running));

describe('a profile', () => profiles(() => running));

/** ms of each of some scrapes, one after the other. */
async function timeScrapes(url: string): Promise<number[]> {
  const times: number[] = [];
  for (let scrape = 0; scrape < SCRAPES; scrape += 1) {
    const startedAt = performance.now();
    await (await fetch(url)).arrayBuffer();
    times.push(performance.now() - startedAt);
  }
  return times;
}
