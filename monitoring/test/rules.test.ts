import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { before, test } from 'node:test';
import { isDeepStrictEqual, promisify } from 'node:util';
import { parse } from 'yaml';
import { ensureTools, programOf } from '../../services/local/src/tools.ts';
import { eventually } from '../../services/local/test-support/eventually.ts';
import { freePort } from '../../services/local/test-support/free-port.ts';
import { renderAlertmanager } from '../alertmanager/configuration.ts';

const HOME = path.resolve(import.meta.dirname, '..');
const RUNBOOK = path.resolve(HOME, '../docs/pages/runbook.md');
const run = promisify(execFile);

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly labels?: { readonly severity?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

interface RuleTest {
  readonly alert_rule_test?: readonly {
    readonly alertname: string;
    readonly eval_time: string;
    readonly exp_alerts?: readonly unknown[];
  }[];
}

/** As Alertmanager lists it. */
interface Firing {
  readonly labels: Readonly<Record<string, string>>;
}

const rules = read<{ groups: { rules: Rule[] }[] }>('prometheus/rules/*.rules.yml').flatMap(({ content }) =>
  content.groups.flatMap((group) => group.rules),
);
const alerts = rules.filter(({ alert }) => alert !== undefined);
const testFiles = read<{ tests: RuleTest[] }>('prometheus/tests/*.test.yml');

before(() => ensureTools(['prometheus', 'alertmanager']));

for (const { file } of testFiles) {
  test(`promtool agrees with ${path.relative(HOME, file)}`, async () => {
    const { stdout } = await run('promtool', ['test', 'rules', file]);
    assert.match(stdout, /SUCCESS/);
  });
}

test('each alert has tests that it fires, stays silent just below its threshold, and ends', () => {
  for (const alert of new Set(alerts.map((rule) => rule.alert))) {
    // By design, it always fires.
    if (alert === 'DeadMan') continue;
    const seen = testFiles
      .flatMap(({ content }) => content.tests)
      .map(({ alert_rule_test: cases = [] }) => cases.filter(({ alertname }) => alertname === alert))
      .filter((cases) => cases.length > 0)
      .map((cases) => cases.map(({ exp_alerts: expected = [] }) => expected.length > 0));
    assert.ok(
      seen.some((firing) => firing.includes(true)),
      `nothing shows ${alert} firing`,
    );
    assert.ok(
      seen.some((firing) => !firing.includes(true)),
      `nothing shows ${alert} silent`,
    );
    assert.ok(
      seen.some((firing) => firing.at(-1) === false && (firing.includes(true) || isSeenByQuery(`${alert}`))),
      `nothing shows ${alert} ending`,
    );
  }
});

test('each alert states its severity, its subject, a value and its runbook section', () => {
  const chapters = new Set([...readFileSync(RUNBOOK, 'utf8').matchAll(/^## (.+)$/gm)].map(([, title]) => title));
  for (const { alert, labels, annotations = {} } of alerts) {
    assert.match(String(labels?.severity), /^(page|ticket|info)$/, alert);
    assert.ok(annotations.summary, alert);
    assert.match(annotations.description ?? '', /\$value|\$labels\.instance/, alert);
    assert.equal(annotations.runbook_url?.split('#')[1], alert?.toLowerCase());
    assert.ok(chapters.has(`${alert}`), `the runbook has no chapter ${alert}`);
  }
  assert.deepEqual(
    [...chapters].filter((title) => !alerts.some(({ alert }) => alert === title)),
    [],
    'the runbook has sections without an alert',
  );
});

test('Alertmanager routes each alert by its severity, the dead man’s switch elsewhere, and informational ones to nobody', async () => {
  const config = path.join(HOME, 'alertmanager/alertmanager.yml');
  for (const [alertname, severity, receiver] of [
    ['ServiceDown', 'page', 'page'],
    ['HighP99Latency', 'ticket', 'ticket'],
    ['DatabaseHighRps', 'info', 'nobody'],
    ['DeadMan', 'info', 'dead-man'],
  ]) {
    const labels = [`alertname=${alertname}`, `severity=${severity}`];
    const { stdout } = await run('amtool', ['config', 'routes', 'test', `--config.file=${config}`, ...labels]);
    assert.equal(stdout.trim(), receiver, alertname);
  }
});

test('Alertmanager inhibits the consequences of a known alert, and a node that the others do without has none', async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'store-alertmanager-'));
  const config = path.join(folder, 'alertmanager.yml');
  await writeFile(config, renderAlertmanager(`http://127.0.0.1:${await freePort()}`));
  const address = `127.0.0.1:${await freePort()}`;
  const args = [`--config.file=${config}`, `--storage.path=${folder}`, '--cluster.listen-address='];
  const alertmanager = spawn(programOf('alertmanager'), [...args, `--web.listen-address=${address}`], {
    stdio: 'ignore',
  });
  t.after(async () => {
    alertmanager.kill();
    await once(alertmanager, 'exit');
    await rm(folder, { recursive: true });
  });
  const amtool = async (...command: string[]) =>
    (await run('amtool', [`--alertmanager.url=http://${address}`, ...command])).stdout;
  await eventually(() => amtool('cluster').catch(() => ''), Boolean, 10_000);

  async function inhibits(...expected: string[]): Promise<void> {
    const ask = async () => {
      const inhibited = JSON.parse(await amtool('alert', 'query', '--inhibited', '-o', 'json')) as Firing[];
      return inhibited.map(({ labels }) => `${labels.alertname} ${labels.job}`).sort();
    };
    await eventually(ask, (inhibited) => isDeepStrictEqual(inhibited, expected), 5000);
  }
  await amtool('alert', 'add', 'ReplicaMissing', 'severity=ticket', 'job=product');
  await amtool('alert', 'add', 'ReplicaMissing', 'severity=ticket', 'job=cart');
  await amtool('alert', 'add', 'CircuitOpen', 'severity=page', 'job=cart', 'service=product');
  await amtool('alert', 'add', 'CircuitOpen', 'severity=page', 'job=order', 'service=cart');
  await amtool('alert', 'add', 'WorkerStuck', 'severity=page', 'job=order');
  await amtool('alert', 'add', 'CassandraDown', 'severity=page', 'job=cassandra', 'state=Down');
  await amtool('alert', 'add', 'ServiceDown', 'severity=page', 'job=product', 'service=product');
  await inhibits('CircuitOpen cart', 'ReplicaMissing product');
  await amtool('alert', 'add', 'CassandraDown', 'severity=page', 'job=cassandra');
  await inhibits('CircuitOpen cart', 'CircuitOpen order', 'ReplicaMissing product', 'WorkerStuck order');
});

test('recording rules are named level:metric:operations', () => {
  for (const { record } of rules) if (record) assert.match(record, /^[a-z_]+:[a-z_]+:[a-z0-9_]+$/);
});

/** Some alerts have several rules with one name, which a test tells apart by the series ALERTS. */
function isSeenByQuery(alert: string): boolean {
  return testFiles.some(({ file }) => readFileSync(file, 'utf8').includes(`ALERTS{alertname="${alert}"`));
}

function read<Content>(pattern: string): { file: string; content: Content }[] {
  return globSync(path.join(HOME, pattern)).map((file) => ({
    file,
    content: parse(readFileSync(file, 'utf8')) as Content,
  }));
}
