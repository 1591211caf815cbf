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

test('a process that ends before its pid is written is known to have ended, and stopping it waits for nothing', async () => {
  const runDir = path.join(folder, 'run');
  mkdirSync(runDir);
  // Whoever writes into a pipe waits for its reader: a disk that stands still.
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

test('a process whose pid can not be written does not go on without a record', async () => {
  const runDir = path.join(folder, 'unwritable');
  mkdirSync(path.join(runDir, 'pid'), { recursive: true });
  await assert.rejects(launch(planOf('unrecorded', runDir, 'setTimeout(() => undefined, 60_000)')), { code: 'EISDIR' });
  const folders = (await readdir('/proc')).map((name) => readlink(`/proc/${name}/cwd`).catch(() => ''));
  assert.equal((await Promise.all(folders)).includes(runDir), false);
});
