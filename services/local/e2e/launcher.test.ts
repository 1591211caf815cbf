import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import { SERVICE_NAMES } from '#platform/service-names.ts';
import { findCassandra, stopStaleCassandra } from '../src/cassandra/server.ts';
import { findLauncher } from '../src/data-dir.ts';
import { stopLeftovers } from '../src/processes.ts';
import { readServiceProcesses } from '../src/service-processes.ts';
import { REPOSITORY } from '../src/settings.ts';
import { eventually } from '../test-support/eventually.ts';
import { freePort } from '../test-support/free-port.ts';

/** ms within which a store is ready. */
const READY_WITHIN = 120_000;

let folder: string;
let dataDir: string;
let env: NodeJS.ProcessEnv;
let said: string;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), 'store-launcher-')));
  dataDir = path.join(folder, 'store');
  await mkdir(dataDir);
  await symlink(dataDir, path.join(folder, 'link'));
  const port = await freePort();
  env = {
    PATH: process.env.PATH ?? '',
    HOME: process.env.HOME ?? '',
    DATA_DIR: path.join(folder, 'link'),
    PORT: String(port),
    INNER_PORT_OFFSET: String(21_000 + (port % 2000)),
    SEED_PRODUCTS: '20',
    CASSANDRA_HEAP_MB: '512',
  };
  said = '';
});

afterEach(async () => {
  await stopLeftovers(path.join(dataDir, 'run'), 'SIGKILL');
  await stopStaleCassandra(path.join(dataDir, 'cassandra'));
  await rm(folder, { recursive: true, force: true });
});

/** Starts a program whose outputs are pipes. */
function begin(program: string, ...args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [path.join(REPOSITORY, 'services/local', program), ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const output of [child.stdout, child.stderr])
    output?.on('data', (chunk) => {
      said += chunk;
    });
  return child;
}

const restart = () =>
  promisify(execFile)(process.execPath, [path.join(REPOSITORY, 'services/local/src/commands/restart.ts')], { env });

const cassandra = () => findCassandra(path.join(dataDir, 'cassandra'));

/** Closes the terminal, after the readers of its pipes have gone; gives the exit code. */
async function closeTerminal(launcher: ChildProcess): Promise<number | null> {
  const exited = once(launcher, 'exit');
  for (const output of [launcher.stdout, launcher.stderr]) output?.destroy();
  launcher.kill('SIGHUP');
  const [code] = await exited;
  return code;
}

test('npm start restarts its services on request once it is ready, and stops everything although nobody reads its output', async () => {
  const launcher = begin('start.mjs');
  await eventually(() => findLauncher(dataDir), Boolean, READY_WITHIN);
  await assert.rejects(restart(), /restarts no services; npm start does, once it has said that the store is ready/);
  await eventually(
    () => said,
    (text) => text.includes('The store is ready'),
    READY_WITHIN,
  );
  const before = await readServiceProcesses(dataDir);
  const { stdout } = await restart();
  assert.match(stdout, /✓ user is restarted \(process[\s\S]*Every service is restarted\.$/m);
  const after = await readServiceProcesses(dataDir);
  assert.deepEqual([...after.keys()], [...before.keys()]);
  for (const [name, pid] of after) assert.notEqual(pid, before.get(name));

  assert.equal(await closeTerminal(launcher), 0);
  assert.deepEqual([(await readServiceProcesses(dataDir)).size, await cassandra()], [0, undefined]);
});

test('npm run load restarts nothing, and stops the store that it started when the terminal is closed', async () => {
  const load = begin('src/commands/load.ts', 'smoke');
  await eventually(
    () => readServiceProcesses(dataDir),
    ({ size }) => size === SERVICE_NAMES.length,
    READY_WITHIN,
  );
  await assert.rejects(restart(), /restarts no services/);
  assert.equal(await findLauncher(dataDir), load.pid);
  assert.equal(await closeTerminal(load), 1);
  assert.equal(await cassandra(), undefined);
});
