import { link, mkdir, readdir, readFile, realpath, rm, statfs, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { startedAt } from './processes.ts';
import { StartError } from './start-error.ts';

/** Is in every store's folder. */
export const MARKER = '.product-store';
/** What is written beside a store; it may be there before it, by a benchmark or a load test of another store. */
export const REPORTS = 'reports';
const LOCK = 'lock';
/** Bytes: jars, commit log and 20,000 products take about 700 MB. */
const NEEDED_AT_FIRST = 1.5e9;
const NEEDED_LATER = 0.7e9;

export interface DataDir {
  /** Without symbolic links. */
  readonly path: string;
  readonly isNew: boolean;
  /** Gives the folder back. */
  release(): Promise<void>;
}

/**
 * Takes the folder for this process alone, making it if need be. Throws StartError if another start has it, if it holds anything but
 * a store, or if the disk is full.
 */
export async function openDataDir(wanted: string, { needsSpace = true } = {}): Promise<DataDir> {
  await mkdir(wanted, { recursive: true, mode: 0o700 }).catch((cause: NodeJS.ErrnoException) => {
    throw new StartError(`${wanted} can't be made (${cause.code}): set DATA_DIR to a folder that you may write to.`, {
      cause,
    });
  });
  const folder = await realpath(wanted);
  const isNew = !(await isStore(folder));
  if (isNew && (await readdir(folder)).some((name) => name !== REPORTS)) {
    throw new StartError(`${folder} isn't empty and isn't a store's: set DATA_DIR to an empty or a new folder.`);
  }
  if (needsSpace) await checkDisk(folder, isNew ? NEEDED_AT_FIRST : NEEDED_LATER);
  await writeFile(
    path.join(folder, MARKER),
    'All of this folder belongs to the Product Store; `npm run reset` deletes it.\n',
  );
  await takeLock(folder);
  for (const name of ['run', 'logs']) await mkdir(path.join(folder, name), { recursive: true });
  return { path: folder, isNew, release: () => rm(path.join(folder, LOCK), { force: true }) };
}

/** True for a folder that a start has made: nothing else may be deleted by a reset. */
export async function isStore(folder: string): Promise<boolean> {
  return (await readdir(folder).catch((): string[] => [])).includes(MARKER);
}

async function checkDisk(folder: string, needed: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= needed) return;
  const toMb = (bytes: number) => Math.round(bytes / 1e6);
  throw new StartError(
    `The disk of ${folder} has ${toMb(free)} MB left and the store needs ${toMb(needed)}: free some, or set DATA_DIR to another disk.`,
  );
}

/** The lock names a process and when it began, so that the lock of a killed start stands in nobody's way. */
async function takeLock(folder: string): Promise<void> {
  const file = path.join(folder, LOCK);
  const own = `${file}.${process.pid}`;
  await writeFile(own, JSON.stringify({ pid: process.pid, startedAt: await startedAt(process.pid) }));
  for (;;) {
    // A link appears with its content, so nobody sees a lock that names no process.
    const isTaken = await link(own, file).then(
      () => false,
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
        return true;
      },
    );
    if (!isTaken) return rm(own);
    const holder = await findLauncher(folder);
    if (holder !== undefined) {
      await rm(own);
      throw new StartError(
        `The store in ${folder} already runs (process ${holder}): stop it with Ctrl-C there, or set DATA_DIR, PORT and INNER_PORT_OFFSET for a second one.`,
      );
    }
    await rm(file, { force: true });
  }
}

/** The process that runs the store in `folder`; an old lock, whose number may have a new owner, doesn't count. */
export async function findLauncher(folder: string): Promise<number | undefined> {
  try {
    const lock = JSON.parse(await readFile(path.join(folder, LOCK), 'utf8')) as { pid: number; startedAt: string };
    return (await startedAt(lock.pid)) === lock.startedAt ? lock.pid : undefined;
  } catch {
    return undefined;
  }
}
