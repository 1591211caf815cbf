import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { restoreStore } from '../src/commands/restore.ts';
import { MARKER, openDataDir, REPORTS } from '../src/data-dir.ts';

const root = mkdtempSync(path.join(tmpdir(), 'store-data-dir-'));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(root, 'store-'));
});
after(() => rmSync(root, { recursive: true, force: true }));

async function modeOf(file: string): Promise<number> {
  return (await stat(file)).mode & 0o777;
}

test('when several starts find the lock of a killed one at the same time, one gets the folder and the others name it', async () => {
  for (let round = 0; round < 5; round += 1) await raceFor(folder);
  assert.deepEqual((await readdir(folder)).sort(), [MARKER, 'lock', 'logs', 'run']);
});

test('the same holds when they find a new folder', async () => {
  for (let round = 0; round < 8; round += 1) await raceFor(mkdtempSync(path.join(root, 'new-')));
});

/** Lets several processes take `folder` at the same time, and kills them. */
async function raceFor(wanted: string): Promise<void> {
  const holders = await Promise.all(Array.from({ length: 8 }, () => spawnHolder(wanted)));
  try {
    const answers = holders.map(async ({ stdout }) => String(await once(stdout as NonNullable<typeof stdout>, 'data')));
    for (const { stdin } of holders) stdin?.write('take it\n');
    const said = await Promise.all(answers);
    const has = said.indexOf('has it\n');
    assert.equal(said.filter((line) => line === 'has it\n').length, 1, said.join(''));
    for (const line of said.toSpliced(has, 1))
      assert.ok(line.includes(`is already running (process ${holders[has]?.pid})`), line);
  } finally {
    await Promise.all(holders.map((holder) => holder.kill('SIGKILL') && once(holder, 'exit')));
  }
}

async function spawnHolder(wanted: string): Promise<ChildProcess> {
  const program = path.join(import.meta.dirname, 'hold-data-dir.ts');
  const holder = spawn(process.execPath, [program, wanted], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  return holder;
}

test('an existing folder is closed to other users, and so is a store that was open to them', async () => {
  await chmod(folder, 0o755);
  const fresh = await openDataDir(folder, { needsSpace: false });
  assert.equal(await modeOf(folder), 0o700);
  await fresh.release();
  await chmod(folder, 0o755);
  const known = await openDataDir(folder, { needsSpace: false });
  assert.deepEqual([known.isNew, await modeOf(folder)], [false, 0o700]);
  await known.release();
});

test('a folder with other contents stays as it is', async () => {
  await chmod(folder, 0o755);
  await writeFile(path.join(folder, 'thesis.txt'), 'dear');
  await assert.rejects(openDataDir(folder, { needsSpace: false }), /isn't empty and isn't a store's/);
  assert.equal(await modeOf(folder), 0o755);
});

test('a backup is restored into a folder with reports, which stay, but with nothing else', async () => {
  const backup = packStore();
  await mkdir(path.join(folder, REPORTS));
  await writeFile(path.join(folder, REPORTS, 'load.json'), '{}');
  await restoreStore(backup, folder);
  assert.deepEqual((await readdir(folder)).sort(), [MARKER, REPORTS, 'secrets.json']);
  assert.equal(await readFile(path.join(folder, REPORTS, 'load.json'), 'utf8'), '{}');
  await assert.rejects(restoreStore(backup, folder), /isn't empty/);
});

test('a file that is not a backup leaves the reports where they were', async () => {
  await mkdir(path.join(folder, REPORTS));
  await assert.rejects(restoreStore(import.meta.filename, folder), /can't be restored/);
  assert.deepEqual(await readdir(folder), [REPORTS]);
});

/** A minimal backup of a store. */
function packStore(): string {
  const store = mkdtempSync(path.join(root, 'packed-'));
  const file = `${store}.tar.gz`;
  execFileSync('sh', [
    '-c',
    `cd "$0" && echo ours > ${MARKER} && echo '{}' > secrets.json && tar -czf "$1" ${MARKER} secrets.json`,
    store,
    file,
  ]);
  return file;
}
