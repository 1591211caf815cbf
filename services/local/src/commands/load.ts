import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { REPORTS } from '../data-dir.ts';
import { findK6 } from '../k6.ts';
import { startShop } from '../open-shop.ts';
import { type OptionValues, runCommand } from '../run-command.ts';
import { ensureSecrets } from '../secrets.ts';
import { SHOPPER_PASSWORD, SHOPPERS } from '../seed/users.ts';
import { isService } from '../service-processes.ts';
import { innerPorts, onLoopback, REPOSITORY, readSettings, type StoreSettings, storeUrl } from '../settings.ts';
import { faultsOfMemory, LOADED_SERVICE_LIMIT, measureMemory, STORE_LIMIT, toMb } from '../smoke/memory.ts';
import { StartError } from '../start-error.ts';
import { stopSignal } from '../stop-signal.ts';
import type { Store } from '../store.ts';
import { createTerminal, type Terminal } from '../terminal.ts';

/** As in loadtest/scenarios.ts, which only k6 can read. */
const SCENARIOS: Readonly<Record<string, string>> = {
  smoke: 'one of each request: does everything work?',
  shoppers:
    'people who look around, think, and sometimes buy (from 10 users to --users, --rate more each second, then 5 minutes)',
  browse: 'only lists and products, --rate a second',
  checkout: 'only purchases, --rate a second',
  'flash-sale': 'many want the same 200 pieces at once; then the audit',
  soak: 'shoppers for half an hour',
  spike: 'ten times as many shoppers for half a minute',
  breakpoint: "ever more arrivals, until the store can't keep up, where it ends with exit code 99",
  'catalogue-walk': 'the whole catalogue, page by page',
};

const HELP = `npm run load -- <scenario>: puts the store under load with k6, and compares the results with monitoring/slo.json.

${Object.entries(SCENARIOS)
  .map(([name, what]) => `  ${name.padEnd(15)} ${what}`)
  .join('\n')}

  --users 100     maximum number of users
  --rate 10       new users, or arrivals, per second (browse: 50)
  --duration 5m   instead of the scenario's own
  --think 2       seconds that a user thinks at most
  --ui            shows the run live at http://127.0.0.1:8089

Uses the store of HOST, PORT and DATA_DIR, which must run with LOAD_PROFILE=1; if none answers, starts one and stops it afterwards.
Writes reports to DATA_DIR/reports. If the store's Prometheus is running (npm start -- --observe), it gets the measurements too. Exits with 99
when a threshold is missed, with 1 when a service takes over ${toMb(LOADED_SERVICE_LIMIT)} after five minutes or more, or the store over ${toMb(STORE_LIMIT)}.
`;

const OPTIONS = {
  users: { type: 'string' },
  rate: { type: 'string' },
  duration: { type: 'string' },
  think: { type: 'string' },
  ui: { type: 'boolean' },
} as const;
type Values = OptionValues<typeof OPTIONS>;

const DASHBOARD_PORT = '8089';
/** Percentiles can't be computed from anything else; the mean at any time is sum by count. */
const TREND_STATS = 'count,sum,p(95),p(99)';
/** After so much load, a service takes the memory that it keeps. */
const LASTING_MS = 5 * 60_000;
/** In the configuration of a gateway that limits requests. */
const LIMITED = 'map "on" $limit_key';

async function main(values: Values, scenario: string): Promise<number> {
  if (!Object.hasOwn(SCENARIOS, scenario)) {
    throw new StartError(`There is no scenario ${scenario}: ${Object.keys(SCENARIOS).join(', ')}.`);
  }
  const settings: StoreSettings = { ...readSettings(process.env), loadProfile: true };
  const reports = path.join(settings.dataDir, REPORTS);
  const terminal = createTerminal();
  let store: Store | undefined;
  // k6 gets the signal of a terminal too, ends its run and writes the reports; then this continues.
  const stopped = stopSignal();
  try {
    store = await ensureStore(settings, terminal.show, stopped);
    await mkdir(reports, { recursive: true });
    terminal.show({ kind: 'began', step: 'k6', text: 'k6: looking for it' });
    const k6 = await findK6(reports, () => terminal.show({ kind: 'noted', text: 'k6: building it with Go, once' }));
    terminal.show({ kind: 'done', step: 'k6', text: `Found k6: ${k6.command}` });
    const seeded = await run('npm', ['run', '--silent', 'seed', '--', '--products', '0', '--users', String(SHOPPERS)]);
    stopped.throwIfAborted();
    if (seeded !== 0) return seeded;

    const name = `${scenario}-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}`;
    const report = path.join(reports, name);
    const { adminPassword } = await ensureSecrets(settings.dataDir);
    const script = `${k6.folder}/loadtest/main.ts`;
    const receiver = await findReceiver(settings);
    if (values.ui) terminal.say(`Live results: http://127.0.0.1:${DASHBOARD_PORT}/`);
    if (receiver) terminal.say(`Sending measurements to ${receiver}`);
    const outputs = receiver ? ['--out', 'experimental-prometheus-rw'] : [];
    const startedAt = Date.now();
    const code = await run(k6.command, [...k6.args, 'run', ...outputs, '--summary-export', `${report}.json`, script], {
      STORE_URL: storeUrl(settings),
      SCENARIO: scenario,
      SEEDED_USERS: String(SHOPPERS),
      SHOPPER_PASSWORD,
      ADMIN_EMAIL: settings.adminEmail,
      ADMIN_PASSWORD: settings.adminPassword ?? adminPassword,
      CURRENCY: settings.currency,
      ...(values.users !== undefined && { USERS: values.users }),
      ...(values.rate !== undefined && { RATE: values.rate }),
      ...(values.duration !== undefined && { DURATION: values.duration }),
      ...(values.think !== undefined && { THINK_SECONDS: values.think }),
      K6_WEB_DASHBOARD: 'true',
      K6_WEB_DASHBOARD_PORT: values.ui ? DASHBOARD_PORT : '-1',
      K6_WEB_DASHBOARD_EXPORT: `${report}.html`,
      // k6 writes no page about a run that is shorter than this.
      K6_WEB_DASHBOARD_PERIOD: '1s',
      ...(receiver && {
        K6_PROMETHEUS_RW_SERVER_URL: receiver,
        K6_PROMETHEUS_RW_TREND_STATS: TREND_STATS,
        K6_PROMETHEUS_RW_STALE_MARKERS: 'true',
      }),
    });
    terminal.say(`Report: ${[`${report}.html`, `${report}.json`].filter(existsSync).join(' and ')}`);
    const judged = Date.now() - startedAt >= LASTING_MS ? await judgeMemory(settings.dataDir, terminal.say) : 0;
    const audited = scenario === 'flash-sale' ? await run('npm', ['run', '--silent', 'audit']) : 0;
    return code || judged || audited;
  } finally {
    await store?.stop();
    terminal.close();
  }
}

/** Says how much memory the services take after the run; 1 when one takes too much. Nothing is known about a store that runs elsewhere. */
async function judgeMemory(dataDir: string, say: (text: string) => void): Promise<number> {
  const processes = await measureMemory(dataDir);
  if (!processes) return 0;
  const services = processes.filter(({ name }) => isService(name));
  say(`Memory: ${services.map(({ name, bytes }) => `${name} ${toMb(bytes)}`).join(', ')}`);
  const faults = faultsOfMemory(processes, LOADED_SERVICE_LIMIT);
  for (const fault of faults) say(`✗ ${fault}`);
  return faults.length === 0 ? 0 : 1;
}

/**
 * Undefined when a store answers; otherwise starts one, which the caller stops. Throws StartError when the store that answers limits
 * requests, and the reason of `signal` when that aborts.
 */
async function ensureStore(
  settings: StoreSettings,
  show: Terminal['show'],
  signal: AbortSignal,
): Promise<Store | undefined> {
  const url = `${storeUrl(settings)}/api/system/health`;
  const isThere = await fetch(url, { signal: AbortSignal.timeout(3000) }).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    return startShop(settings, { onProgress: show, signal });
  }
  const gateway = await readFile(path.join(settings.dataDir, 'nginx/nginx.conf'), 'utf8').catch(() => '');
  if (gateway.includes(LIMITED)) {
    throw new StartError(
      'The running store limits the requests of each address: stop it, and start it with LOAD_PROFILE=1 npm start.',
    );
  }
  return undefined;
}

/** Where the store's Prometheus receives measurements; undefined if none is running, or it receives none. */
async function findReceiver({ innerPortOffset }: StoreSettings): Promise<string | undefined> {
  const url = `http://${onLoopback(innerPorts(innerPortOffset).prometheus)}/api/v1/write`;
  // A receiver rejects an empty body with 400; any other server has no such address.
  const status = await fetch(url, { method: 'POST', signal: AbortSignal.timeout(3000) }).then(
    (answer) => answer.status,
    () => undefined,
  );
  return status === 400 ? url : undefined;
}

/** Runs a command that writes to this terminal; resolves to its exit code. */
async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  const child = spawn(command, [...args], { cwd: REPOSITORY, env: { ...process.env, ...env }, stdio: 'inherit' });
  const [code] = (await once(child, 'close')) as [number | null];
  return code ?? 1;
}

await runCommand({ help: HELP, options: OPTIONS, argument: 'required' }, main);
