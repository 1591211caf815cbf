import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type CommittedPanel, panelsOf, readCommitted, toPromql } from '../../../monitoring/grafana/committed.ts';
import { createPrometheusClient, type PrometheusClient } from '../../../monitoring/prometheus/client.ts';
import { type Selector, selectorsOf } from '../../../monitoring/prometheus/selectors.ts';
import { everydayTraffic } from './everyday-traffic.ts';
import { eventually, type RunningStore } from './running-store.ts';

/** Wide enough for Cassandra, which is scraped every 10 s. */
const RATE_INTERVAL = '40s';
/** ms: rules of rules are evaluated a minute after the first scrape. */
const SHOWN_WITHIN = 120_000;
/** Of one label, for one job. */
const MOST_VALUES = 100;
const OUR_JOBS = 'product|cart|order|user|nginx-log|cassandra';
/** Ids, e-mail addresses, URLs with something in them, tokens. */
const TELLING = /[0-9a-f]{8}-[0-9a-f]{4}-|@|:\/\/|[?&=]|eyJ|\d{6}/;

/** What dashboards and rules ask, of a Prometheus that watches the store at work. */
export function dashboards(running: () => RunningStore): void {
  let prometheus: PrometheusClient;
  let traffic: Promise<void>;
  const closing = new AbortController();

  before(() => {
    prometheus = createPrometheusClient(running().store.monitoring?.prometheusUrl as string);
    traffic = everydayTraffic(running(), closing.signal);
  });
  after(async () => {
    closing.abort();
    await traffic;
  });

  for (const dashboard of readCommitted()) {
    const panels = panelsOf(dashboard).filter(({ type }) => type !== 'logs');
    test(`every one of the ${panels.length} panels of ${dashboard.title} shows something`, async () => {
      let blank: readonly CommittedPanel[] = panels;
      await eventually(
        async () => {
          const shows = await Promise.all(blank.map(showsSomething));
          blank = blank.filter((_, index) => !shows[index]);
          return blank.map(({ title, targets }) => `${title}: ${targets?.map(({ expr }) => expr).join(' ; ')}`);
        },
        ({ length }) => length === 0,
        SHOWN_WITHIN,
      );
    });
  }

  async function showsSomething({ targets = [] }: CommittedPanel): Promise<boolean> {
    const results = await Promise.all(targets.map((query) => prometheus.query(toPromql(query, RATE_INTERVAL))));
    return results.every((samples) => samples.some(({ value }) => Number.isFinite(value)));
  }

  test('every rule is evaluated, and what is recorded is there', async () => {
    const faults = async () => {
      const rules = await prometheus.listRules();
      const found = await Promise.all(
        rules.map(async ({ kind, name, lastError }) => {
          if (lastError) return `${name}: ${lastError}`;
          return kind === 'recording' && (await prometheus.query(name)).length === 0 ? `${name} is empty` : undefined;
        }),
      );
      assert.ok(rules.length > 40, `${rules.length} rules`);
      return [...new Set(found)].filter((fault) => fault !== undefined);
    };
    await eventually(faults, ({ length }) => length === 0, SHOWN_WITHIN);
  });

  test('whatever a rule or panel looks at exists, with every label that it looks at', async () => {
    const rules = (await prometheus.listRules()).map(({ expression }) => expression);
    const queries = readCommitted().flatMap((dashboard) =>
      panelsOf(dashboard)
        .filter(({ type }) => type !== 'logs')
        .flatMap(({ targets = [] }) => targets.map((query) => toPromql(query, RATE_INTERVAL))),
    );
    const asked = new Set([...rules, ...queries].flatMap(selectorsOf).map(toAnyOfIt));
    const missing: string[] = [];
    for (const selector of asked)
      if ((await prometheus.query(`count(${selector})`)).length === 0) missing.push(selector);
    assert.deepEqual(missing, []);
  });

  test(`no label has more than ${MOST_VALUES} values, and none tells who or what it was about`, async (t) => {
    const values = new Map<string, Set<string>>();
    const series = await prometheus.listSeries(`{job=~"${OUR_JOBS}"}`);
    for (const { job, instance, __name__: _, ...labels } of series) {
      for (const [label, value] of Object.entries(labels)) {
        const key = `${job} ${label}`;
        values.set(key, (values.get(key) ?? new Set()).add(value));
      }
    }
    const most = [...values].map(([key, { size }]) => `${key} ${size}`).sort();
    t.diagnostic(`${series.length} series; values of each label: ${most.join(', ')}`);
    for (const [key, { size }] of values) assert.ok(size <= MOST_VALUES, `${key} has ${size} values`);
    const telling = [...values].flatMap(([key, all]) =>
      [...all].filter((value) => TELLING.test(value)).map((value) => `${key}="${value}"`),
    );
    assert.deepEqual(telling, []);
  });
}

/** The same metric and job with the same labels, whatever their values: a 5xx need not have happened. */
function toAnyOfIt({ metric, exact, labels }: Selector): string {
  const matchers = labels.map((label) => (label === 'job' && exact.job ? `job="${exact.job}"` : `${label}!=""`));
  return `${metric}{${[...new Set(matchers)].join(',')}}`;
}
