import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { launch, type ProcessPlan } from '../src/running.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'store-running-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A process of this program, which is never ready. */
function planOf(name: string, runDir: string, program: string): ProcessPlan {
  return {
    name,
    command: process.execPath,
    args: ['-e', program],
    env: {},
    folder: runDir,
    logFile: path.join(folder, `${name}.log`),
    isReady: async () => false,
    readyTimeoutMs: 60_000,
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 60_000,
  };
}

test('a process that ends before its pid is written counts as ended, and stopping it does not wait', async () => {
  const runDir = path.join(folder, 'run');
  mkdirSync(runDir);
  // Opening a pipe for writing waits for its reader, like a stalled disk.
  const pidFile = path.join(runDir, 'pid');
  execFileSync('mkfifo', [pidFile]);
  const launching = launch(planOf('brief', runDir, 'console.error("no settings"); process.exit(78)'));
  await sleep(1000);
  await readFile(pidFile);
  const running = await launching;
  await assert.rejects(running.ready, /brief ended at once \(exit code 78\)[\s\S]*no settings/);
  assert.deepEqual(await running.exited, { code: 78, signal: null });
  await running.stop();
});

test('a process whose pid cannot be written does not keep running unrecorded', async () => {
  const runDir = path.join(folder, 'unwritable');
  mkdirSync(path.join(runDir, 'pid'), { recursive: true });
  await assert.rejects(launch(planOf('unrecorded', runDir, 'setTimeout(() => undefined, 60_000)')), { code: 'EISDIR' });
  const folders = (await readdir('/proc')).map((name) => readlink(`/proc/${name}/cwd`).catch(() => ''));
  assert.equal((await Promise.all(folders)).includes(runDir), false);
});
