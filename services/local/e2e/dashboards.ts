import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import {
  type CommittedPanel,
  panelsOf,
  readCommitted,
  SHORTEST_RATE,
  toPromql,
} from '../../../monitoring/grafana/committed.ts';
import { renderDashboards } from '../../../monitoring/grafana/render.ts';
import { createPrometheusClient, type PrometheusClient } from '../../../monitoring/prometheus/client.ts';
import { type Selector, selectorsOf } from '../../../monitoring/prometheus/selectors.ts';
import { REPOSITORY } from '../src/settings.ts';
import { eventually } from '../test-support/eventually.ts';
import { everydayTraffic } from './everyday-traffic.ts';
import { startLoad } from './running-load.ts';
import type { RunningStore } from './running-store.ts';

const RATE_INTERVAL = `${SHORTEST_RATE}s`;
/** ms; rules that read other rules are evaluated a minute after the first scrape. */
const SHOWN_WITHIN = 120_000;
/** Values of one label in one job. */
const MOST_VALUES = 100;
const OUR_JOBS = 'product|cart|order|user|nginx-log|cassandra';
/** k6 doesn't report this until it has dropped an iteration. */
const ONLY_IF_IT_WAS = 'k6_dropped_iterations_total';
/** Ids, e-mail addresses, URLs, query strings, tokens. */
const TELLING = /[0-9a-f]{8}-[0-9a-f]{4}-|@|:\/\/|[?&=]|eyJ|\d{6}/;

/** A word in a text that looks like this is a metric or recorded by a rule. */
const METRIC =
  /\b(?:[a-z]+(?:_[a-z0-9]+)*_(?:total|seconds|bytes|count|sum|bucket|state)|[a-z]+:[a-z_]+:[a-z0-9_]+)\b/g;

/** The queries of dashboards and rules, on a Prometheus that watches the store at work and under load. */
export function dashboards(running: () => RunningStore): void {
  const shown = readCommitted();
  let prometheus: PrometheusClient;
  let traffic: Promise<void>;
  let stopLoad: () => Promise<void>;
  const closing = new AbortController();

  before(() => {
    prometheus = createPrometheusClient(running().store.monitoring?.prometheusUrl as string);
    traffic = everydayTraffic(running(), closing.signal);
    stopLoad = startLoad(running());
  });
  after(async () => {
    closing.abort();
    await traffic;
    await stopLoad();
  });

  for (const dashboard of shown) {
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

  test('every rule is evaluated without an error, and what it records exists', async () => {
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

  test('every metric that a rule or panel reads exists, with every label that it reads', async () => {
    const rules = (await prometheus.listRules()).map(({ expression }) => expression);
    const queries = shown.flatMap((dashboard) =>
      panelsOf(dashboard)
        .filter(({ type }) => type !== 'logs')
        .flatMap(({ targets = [] }) => targets.map((query) => toPromql(query, RATE_INTERVAL))),
    );
    const selectors = [...rules, ...queries].flatMap(selectorsOf).filter(({ metric }) => metric !== ONLY_IF_IT_WAS);
    const asked = new Set(selectors.map(toAnyOfIt));
    const missing: string[] = [];
    for (const selector of asked)
      if ((await prometheus.query(`count(${selector})`)).length === 0) missing.push(selector);
    assert.deepEqual(missing, []);
  });

  test('every metric that a page of the documentation names exists', async () => {
    const pages = globSync('docs/pages/*.md', { cwd: REPOSITORY }).map((page) => path.join(REPOSITORY, page));
    const named = new Set(pages.flatMap((page) => readFileSync(page, 'utf8').match(METRIC) ?? []));
    assert.ok(named.size > 40, `${named.size} names`);
    // A histogram has no series under its own name.
    const finds = (name: string) => prometheus.query(`count(${name}) or count(${name}_count)`);
    const missing: string[] = [];
    for (const name of named) if ((await finds(name)).length === 0) missing.push(name);
    assert.deepEqual(missing, []);
  });

  test('all dashboards can be drawn as pages, and no panel is empty', async () => {
    const outDir = await mkdtemp(path.join(tmpdir(), 'store-dashboards-'));
    const prometheusUrl = running().store.monitoring?.prometheusUrl as string;
    const drawAndListEmpty = async () => {
      const files = await renderDashboards({ prometheusUrl, minutes: 3, outDir });
      assert.deepEqual(files.map((file) => path.basename(file, '.html')).sort(), shown.map(({ uid }) => uid).sort());
      return files.flatMap((file) => emptyPanelsOf(readFileSync(file, 'utf8')).map((title) => `${file}: ${title}`));
    };
    try {
      // k6 sends only what is new since the last time: a rate needs two orders of its few shoppers close to each other.
      await eventually(drawAndListEmpty, ({ length }) => length === 0, SHOWN_WITHIN);
    } finally {
      await rm(outDir, { recursive: true, force: true });
    }
  });

  test(`no label has more than ${MOST_VALUES} values, and none identifies a person or a thing`, async (t) => {
    const values = new Map<string, Set<string>>();
    const series = await prometheus.listSeries(`{job=~"${OUR_JOBS}"}`);
    const sent = await prometheus.listSeries('{__name__=~"k6_.+"}');
    for (const { job = 'k6', instance, __name__: _, ...labels } of [...series, ...sent]) {
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

/** The titles of a page's empty panels. */
function emptyPanelsOf(page: string): string[] {
  const sections = page.split('<section').filter((section) => section.includes('No data'));
  return sections.map((section) => /<h3[^>]*>([^<]*)/.exec(section)?.[1] ?? section);
}

/** The same metric and job with the same labels, whatever their values: there may have been no 5xx. */
function toAnyOfIt({ metric, exact, labels }: Selector): string {
  const matchers = labels.map((label) => (label === 'job' && exact.job ? `job="${exact.job}"` : `${label}!=""`));
  return `${metric}{${[...new Set(matchers)].join(',')}}`;
}
