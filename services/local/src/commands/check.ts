import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { checkGateway, renderGateway } from '../../../../nginx/gateway.ts';
import { buildDocs } from '../docs-pages.ts';
import { checkDocuments } from '../documents.ts';
import { runCommand } from '../run-command.ts';
import { innerPorts } from '../settings.ts';
import { StartError } from '../start-error.ts';
import { prepareMonitoring } from '../store/monitoring.ts';
import { ensureTools } from '../tools.ts';
import { listStale } from './generate.ts';

const HELP = `npm run check: checks everything that can be checked without running the store: format and lint (Biome), types (tsc), rooms (dependency-cruiser,
with planted violations), the OpenAPI documents and their routes, the configurations of Nginx, Prometheus and Alertmanager, generated
files, and the pages of docs/ (MkDocs, every link). The last line says how many checks failed.
`;

const ROOT = join(import.meta.dirname, '../../../..');
const CRUISE = ['--config', '.dependency-cruiser.cjs', 'services', 'cassandra', 'nginx', 'monitoring'];
/** Fewer modules would mean that nothing was checked. */
const LEAST_MODULES = 80;
/** One for each rule; each must be found. */
const VIOLATIONS: readonly { readonly rule: string; readonly file: string; readonly line: string }[] = [
  { rule: 'no-sibling-service', file: 'order/src/orders/service.ts', line: "import '../../../cart/src/config.ts';" },
  { rule: 'platform-knows-no-service', file: 'platform/src/metrics.ts', line: "import '../../cart/src/config.ts';" },
  { rule: 'express-only-in-platform-http', file: 'platform/src/logging.ts', line: "import 'express';" },
  { rule: 'nobody-imports-local', file: 'cart/src/config.ts', line: "import '../../local/src/settings.ts';" },
  { rule: 'domain-is-pure', file: 'user/src/logins/throttle.ts', line: "import 'node:crypto';" },
  { rule: 'service-is-the-story', file: 'cart/src/carts/service.ts', line: "import 'zod';" },
  {
    rule: 'service-is-the-story-types-only',
    file: 'order/src/orders/undo.ts',
    line: "import { createCartClient } from '../clients/cart.ts'; createCartClient;",
  },
  { rule: 'repository-speaks-cql', file: 'product/src/stock/repository.ts', line: "import 'zod';" },
  { rule: 'client-speaks-http', file: 'order/src/clients/cart.ts', line: "import 'cassandra-driver';" },
  { rule: 'schema-is-the-wire', file: 'order/src/orders/schema.ts', line: "import '#platform/errors.ts';" },
  { rule: 'routes-see-no-database', file: 'cart/src/carts/routes.ts', line: "import 'cassandra-driver';" },
  { rule: 'routes-see-no-database-types-only', file: 'order/src/orders/routes.ts', line: "import './repository.ts';" },
];

const run = promisify(execFile);

/** Each resolves to what it saw, and throws if something is wrong. */
const CHECKS: readonly { readonly name: string; check(): Promise<string> }[] = [
  { name: 'format and lint', check: () => tool('biome', ['ci', '--error-on-warnings', '--colors=off', '.']) },
  { name: 'types', check: () => tool('tsc', ['-p', '.']) },
  { name: 'types of the load tests', check: () => tool('tsc', ['--noEmit', '-p', 'loadtest']) },
  { name: 'rooms', check: checkRooms },
  { name: `rooms: ${VIOLATIONS.length} planted violations are found`, check: checkPlantedViolations },
  { name: 'OpenAPI documents and routes', check: checkDocuments },
  { name: 'Nginx configuration', check: checkNginx },
  { name: 'Prometheus and Alertmanager configuration', check: checkMonitoring },
  { name: 'generated files', check: checkGenerated },
  { name: 'pages', check: checkPages },
];

await runCommand({ help: HELP }, runChecks);

async function runChecks(): Promise<number> {
  let failed = 0;
  for (const { name, check } of CHECKS) {
    const startedAt = performance.now();
    const fault = await check().then(
      () => undefined,
      (error: unknown) => error,
    );
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    console.log(`${fault ? '✗' : '✓'} ${name} (${seconds} s)`);
    if (!fault) continue;
    failed += 1;
    console.log(describe(fault));
  }
  console.log(`${CHECKS.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function describe(fault: unknown): string {
  const { stdout = '', stderr = '', message, stack } = fault as Error & { stdout?: string; stderr?: string };
  if (stdout || stderr) return `${stdout}${stderr}`;
  return fault instanceof StartError ? message : String(stack);
}

async function tool(name: string, args: readonly string[], cwd = ROOT): Promise<string> {
  const { stdout } = await run(join(ROOT, 'node_modules/.bin', name), [...args], { cwd, maxBuffer: 32 << 20 });
  return stdout;
}

async function checkRooms(): Promise<string> {
  const report = await tool('depcruise', CRUISE);
  const modules = Number(/(\d+) modules/.exec(report)?.[1]);
  if (!(modules >= LEAST_MODULES)) throw new Error(`Only ${modules} modules were checked:\n${report}`);
  return report;
}

/** In a copy, so that an interrupted run leaves no trace in the tree. */
async function checkPlantedViolations(): Promise<string> {
  const copy = mkdtempSync(join(tmpdir(), 'store-rooms-'));
  try {
    const files = [
      '.dependency-cruiser.cjs',
      'package.json',
      'tsconfig.json',
      'services',
      'nginx',
      'monitoring',
      'cassandra/migrate.ts',
    ];
    await run('cp', ['-r', '--parents', ...files, copy], { cwd: ROOT });
    await run('ln', ['-s', join(ROOT, 'node_modules'), join(copy, 'node_modules')]);
    for (const { file, line } of VIOLATIONS) {
      const path = join(copy, 'services', file);
      writeFileSync(path, `${line}\n${readFileSync(path, 'utf8')}`);
    }
    const report = await tool('depcruise', CRUISE, copy).catch((error: { stdout?: string }) => error.stdout ?? '');
    const missed = VIOLATIONS.filter(({ rule, file }) => !report.includes(`${rule}: services/${file}`));
    if (missed.length === 0) return report;
    throw new Error(`Not found: ${missed.map(({ rule, file }) => `${rule} in ${file}`).join(', ')}\n${report}`);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

async function checkNginx(): Promise<string> {
  await ensureTools(['nginx']);
  const stateDir = mkdtempSync(join(tmpdir(), 'store-nginx-'));
  try {
    const server = (port: number) => [`127.0.0.1:${port}`];
    const file = renderGateway({
      stateDir,
      accessLogs: [join(stateDir, 'access.log')],
      errorLog: join(stateDir, 'error.log'),
      listen: '127.0.0.1:8080',
      statusListen: '127.0.0.1:8090',
      servers: { product: server(8000), cart: server(8001), order: server(8002), user: server(8003) },
    });
    await checkGateway(file);
    return file;
  } finally {
    rmSync(stateDir, { recursive: true, force: true });
  }
}

/** promtool checks the rules with the configuration that names them. */
async function checkMonitoring(): Promise<string> {
  await ensureTools(['prometheus', 'alertmanager']);
  const stateDir = mkdtempSync(join(tmpdir(), 'store-monitoring-'));
  try {
    await prepareMonitoring({ stateDir, accessLog: '', ports: innerPorts(0), withCassandra: true });
    await run('promtool', ['check', 'config', join(stateDir, 'prometheus.yml')]);
    await run('amtool', ['check-config', join(stateDir, 'alertmanager.yml')]);
    return stateDir;
  } finally {
    rmSync(stateDir, { recursive: true, force: true });
  }
}

async function checkGenerated(): Promise<string> {
  const stale = listStale().map(({ path }) => path);
  if (stale.length === 0) return '';
  throw new StartError(`Run \`npm run generate\`; these files are out of date:\n  ${stale.join('\n  ')}`);
}

async function checkPages(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'store-docs-'));
  try {
    await buildDocs(folder);
    return folder;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
