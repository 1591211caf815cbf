import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freezeInTurns } from '../src/alerts/faults.ts';
import { freeze } from '../src/freeze.ts';

const FREEZE = path.resolve(import.meta.dirname, '../src/freeze.ts');

let victim: number;
let stopVictim: () => void;

before(async () => {
  const sleeper = spawn('sleep', ['600']);
  await once(sleeper, 'spawn');
  victim = sleeper.pid as number;
  stopVictim = () => void sleeper.kill('SIGKILL');
});
after(() => stopVictim());

/** proc(5): T means stopped. */
async function isFrozen(): Promise<boolean> {
  const stat = await readFile(`/proc/${victim}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
}

async function becomes(frozen: boolean): Promise<void> {
  for (const deadline = Date.now() + 10_000; (await isFrozen()) !== frozen; await sleep(10)) {
    assert.ok(Date.now() < deadline, `it is ${frozen ? 'not ' : ''}frozen after 10 s`);
  }
}

test('a frozen process resumes when it is thawed', async () => {
  const thaw = await freeze(victim);
  assert.equal(await isFrozen(), true);
  await thaw();
  assert.equal(await isFrozen(), false);
});

test('a frozen process resumes when the process that froze it is killed', async () => {
  const program = `await (await import(${JSON.stringify(FREEZE)})).freeze(${victim}); setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: 'inherit' });
  await becomes(true);
  holder.kill('SIGKILL');
  await becomes(false);
});

test('a process that is frozen again and again resumes when that ends', async () => {
  const end = freezeInTurns(victim, 20, 20);
  await becomes(true);
  await becomes(false);
  await becomes(true);
  await end();
  assert.equal(await isFrozen(), false);
});
