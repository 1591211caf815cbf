import { once } from 'node:events';
import { globSync, type StatsFs } from 'node:fs';
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { parseArgs } from 'node:util';
import { findK6 } from '../src/k6.ts';
import { StartError } from '../src/start-error.ts';
import { ensureTools, MONITORING_TOOLS } from '../src/tools.ts';
import { ONE_COMPILER, useCassandra } from './cassandra.ts';
import { ensureSchemathesis } from './schemathesis/schemathesis.ts';

const ROOT = join(import.meta.dirname, '../../..');
const USAGE = `npm test [-- file …]

Runs all tests, or the files named, on a real Cassandra that is started once, and the real Nginx.
Exits with 1 when a test fails; the last line says how many did.`;

/** Rules and single services, all on one Cassandra. */
const PARTS = '{services/*/test,cassandra/test,nginx/test,monitoring/test}/**/*.test.ts';
/** The whole store, under faults and load: these run alone on the machine. */
const WHOLE = 'services/local/e2e/**/*.test.ts';
/** Except this one, which mostly waits: for scrapes, rules and alerts. */
const WAITS = 'services/local/e2e/observe.test.ts';
/** For one file. */
const FILE_TIMEOUT_MS = 1_200_000;
/** Linux keeps it in memory. */
const MEMORY_FOLDER = '/dev/shm';
/** Twice what all stores of a run have ever needed at the same time. */
const ROOM_BYTES = 8 * 1024 ** 3;
/** A file ends with its tests: a driver that was closed while a node came back leaves a timer that would run forever. */
const FILE_FLAGS = ['--test-force-exit'];

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const { values, positionals } = parseArgs({
  options: { help: { type: 'boolean', short: 'h' } },
  allowPositionals: true,
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}

/** Shared by this run's tests; everything that they and their databases write is in it. */
const folder = await mkdtemp(join(await roomiestTmpdir(), 'store-tests-'));
process.env.TMPDIR = folder;
process.env.NODE_COMPILE_CACHE = join(folder, 'compiled');
try {
  process.exitCode = (await runAll()) ? 0 : 1;
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** In memory if there is room: a shared disk may stall for seconds, which would be measured as the store's. */
async function roomiestTmpdir(): Promise<string> {
  const { bavail = 0, bsize = 0 } = await statfs(MEMORY_FOLDER).catch(() => ({}) as Partial<StatsFs>);
  return bavail * bsize >= ROOM_BYTES && freemem() >= 2 * ROOM_BYTES ? MEMORY_FOLDER : tmpdir();
}

async function runAll(): Promise<boolean> {
  const startedAt = Date.now();
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const tools = ['java', 'maven', 'nginx', 'chromium', 'curl', 'git', ...MONITORING_TOOLS] as const;
  await ensureTools(tools, (names) => console.log(`Installing ${names} …`));
  const waits = list(WAITS);
  const [parts, whole] = [list(PARTS), list(WHOLE).filter((file) => !waits.includes(file))];
  if (whole.length > 0) await ensureSchemathesis();
  if (whole.length > 0 || waits.length > 0) {
    await findK6(folder, () => console.log('Building k6 with Go, once; it takes a few minutes …'));
  }
  await runParts([...waits, ...parts], counts);
  await runFiles(whole, 1, counts);
  const seconds = Math.round((Date.now() - startedAt) / 1000);
  console.log(`The tests took ${seconds} s.`);
  console.log(
    `${counts.passed} passed, ${counts.failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''}`,
  );
  return counts.failed === 0 && counts.passed > 0;
}

async function runParts(files: string[], counts: Counts): Promise<void> {
  if (files.length === 0) return;
  process.env.JDK_JAVA_OPTIONS = ONE_COMPILER;
  console.log('Starting Cassandra for the tests …');
  const { host, port, admin, stop } = await useCassandra();
  const keyspacesDir = join(folder, 'keyspaces');
  process.env.TEST_CASSANDRA = JSON.stringify({
    host,
    port,
    adminUsername: admin.username,
    adminPassword: admin.password,
    keyspacesDir,
  });
  try {
    await runFiles(files, 2, counts);
  } finally {
    delete process.env.TEST_CASSANDRA;
    delete process.env.JDK_JAVA_OPTIONS;
    await stop();
  }
}

function list(pattern: string): string[] {
  return globSync(pattern, { cwd: ROOT }).filter(isAskedFor).sort();
}

function isAskedFor(file: string): boolean {
  return positionals.length === 0 || positionals.some((asked) => relative(ROOT, join(process.cwd(), asked)) === file);
}

async function runFiles(files: string[], concurrency: number, counts: Counts): Promise<void> {
  if (files.length === 0) return;
  const stream = run({
    files: files.map((file) => join(ROOT, file)),
    concurrency,
    timeout: FILE_TIMEOUT_MS,
    execArgv: FILE_FLAGS,
  });
  stream.on('test:summary', ({ file, counts: found }) => {
    if (file !== undefined) return;
    counts.passed += found.passed;
    counts.failed += found.tests - found.passed - found.skipped - found.todo;
    counts.skipped += found.skipped + found.todo;
  });
  const output = stream.compose(new spec());
  output.pipe(process.stdout, { end: false });
  await once(output, 'end');
}
