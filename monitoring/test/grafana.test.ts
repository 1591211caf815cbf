import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { panelsOf, readCommitted, SHORTEST_RATE, toPromql } from '../grafana/committed.ts';
import { selectorsOf } from '../prometheus/selectors.ts';

const GRAFANA = path.join(import.meta.dirname, '../grafana');
const dashboards = readCommitted();

test('there is a dashboard for the store, each service, each part around them, and load tests', () => {
  const uids = ['cart', 'cassandra', 'load', 'machine', 'nginx', 'order', 'product', 'prometheus', 'store', 'user'];
  assert.deepEqual(dashboards.map(({ uid }) => uid).sort(), uids);
});

for (const dashboard of dashboards) {
  const panels = panelsOf(dashboard);

  test(`every panel of ${dashboard.title} has a title, a unit and a place of its own`, () => {
    for (const { title, fieldConfig } of panels) {
      assert.ok(title.length > 0);
      assert.ok(fieldConfig?.defaults.unit, `${title} has no unit`);
    }
    const titles = dashboard.panels.map(({ title, gridPos }) => `${title} at ${gridPos.x},${gridPos.y}`);
    const places = dashboard.panels.map(({ gridPos: { x, y } }) => `${x},${y}`);
    assert.equal(new Set(places).size, places.length, titles.join('; '));
    for (const { title, gridPos } of dashboard.panels) assert.ok(gridPos.x + gridPos.w <= 24, `${title} is too wide`);
  });

  test(`every query of ${dashboard.title} is PromQL, and each of its series has a legend`, () => {
    for (const { type, title, targets = [] } of panels) {
      assert.ok(targets.length > 0, `${title} has no query`);
      if (type === 'logs') continue;
      for (const query of targets) {
        assert.ok(selectorsOf(toPromql(query, '1m')).length > 0, `${title}: ${query.expr}`);
        assert.ok(query.legendFormat, `${title}: a line without a name`);
      }
    }
  });
}

test('every datasource that a dashboard names is provisioned', () => {
  const { datasources } = read('provisioning/datasources/datasources.yml') as { datasources: { uid: string }[] };
  const provisioned = new Set(datasources.map(({ uid }) => uid));
  const named = dashboards
    .flatMap(panelsOf)
    .flatMap(({ targets = [] }) => targets.map(({ datasource }) => datasource.uid));
  assert.deepEqual(
    [...new Set(named)].filter((uid) => !provisioned.has(uid)),
    [],
  );
});

test('no rate is over less than four of the longest scrape intervals', () => {
  const { datasources } = read('provisioning/datasources/datasources.yml') as {
    datasources: { uid: string; jsonData: { timeInterval?: string } }[];
  };
  const prometheus = readFileSync(path.join(GRAFANA, '../prometheus/prometheus.yml.template'), 'utf8');
  const scrapes = [...prometheus.matchAll(/scrape_interval: (\d+)s/g)].map(([, seconds]) => Number(seconds));
  const rarest = Math.max(...scrapes);
  assert.equal(datasources.find(({ uid }) => uid === 'prometheus')?.jsonData.timeInterval, `${rarest}s`);
  assert.equal(SHORTEST_RATE, 4 * rarest);
});

test('Grafana’s home is a dashboard in the folder that it reads', () => {
  const { providers } = read('provisioning/dashboards/dashboards.yml') as {
    providers: { options: { path: string } }[];
  };
  const home = /^default_home_dashboard_path = (.+)$/m.exec(
    readFileSync(path.join(GRAFANA, 'grafana.ini'), 'utf8'),
  )?.[1];
  assert.equal(home, path.join(providers[0]?.options.path ?? '', 'store.json'));
});

function read(file: string): unknown {
  return parse(readFileSync(path.join(GRAFANA, file), 'utf8'));
}
