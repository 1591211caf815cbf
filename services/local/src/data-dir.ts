import {
  access,
  chmod,
  constants,
  mkdir,
  mkdtemp,
  readdir,
  realpath,
  rename,
  rm,
  statfs,
  writeFile,
} from 'node:fs/promises';
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
 * Takes the folder for this process alone, making it if need be, and lets nobody but its owner look into it. Throws StartError if another
 * start has it, if it holds anything but a store, or if the disk is full.
 */
export async function openDataDir(wanted: string, { needsSpace = true } = {}): Promise<DataDir> {
  await mkdir(wanted, { recursive: true, mode: 0o700 }).catch((cause: NodeJS.ErrnoException) => {
    throw new StartError(`${wanted} can't be made (${cause.code}): set DATA_DIR to a folder that you may write to.`, {
      cause,
    });
  });
  const folder = await realpath(wanted);
  const isNew = !(await isStore(folder));
  if (isNew && !(await isFree(folder))) {
    throw new StartError(`${folder} isn't empty and isn't a store's: set DATA_DIR to an empty or a new folder.`);
  }
  // Whoever made it beforehand may have left it open to all.
  await chmod(folder, 0o700).catch((cause: NodeJS.ErrnoException) => {
    throw new StartError(`${folder} can't be closed to others (${cause.code}): set DATA_DIR to a folder of your own.`, {
      cause,
    });
  });
  if (needsSpace) await checkDisk(folder, isNew ? NEEDED_AT_FIRST : NEEDED_LATER);
  await writeFile(
    path.join(folder, MARKER),
    'All of this folder belongs to the Product Store; `npm run reset` deletes it.\n',
  );
  const lock = await takeLock(folder);
  for (const name of ['run', 'logs']) await mkdir(path.join(folder, name), { recursive: true });
  return { path: folder, isNew, release: () => rm(lock, { force: true }) };
}

/** True for a folder that a start has made: nothing else may be deleted by a reset. */
export async function isStore(folder: string): Promise<boolean> {
  return (await readdir(folder).catch((): string[] => [])).includes(MARKER);
}

/** True for a folder that may become a store. */
export async function isFree(folder: string): Promise<boolean> {
  return (await readdir(folder)).every((name) => name === REPORTS);
}

/** Throws StartError when `folder` can't be written to, or when its disk has fewer bytes left than `needed`. */
export async function checkDisk(folder: string, needed: number): Promise<void> {
  await access(folder, constants.W_OK).catch((cause: unknown) => {
    throw new StartError(`${folder} can't be written to: change its owner, or set DATA_DIR to another folder.`, {
      cause,
    });
  });
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= needed) return;
  const toMb = (bytes: number) => Math.round(bytes / 1e6);
  throw new StartError(
    `The disk of ${folder} has ${toMb(free)} MB left and the store needs ${toMb(needed)}: free some, or set DATA_DIR to another disk.`,
  );
}

/**
 * The lock is a folder with one file, which is named after a process and when it began: the lock of a killed start stands in nobody's way, and
 * whoever clears it away can't hit that of a start that was quicker. Gives the file.
 */
async function takeLock(folder: string): Promise<string> {
  const lock = path.join(folder, LOCK);
  const own = await mkdtemp(`${lock}.`);
  const name = await nameHolder(process.pid);
  try {
    await writeFile(path.join(own, name), '');
    while (!(await takePlace(own, lock))) {
      for (const { file, pid } of await readHolders(folder)) {
        if (pid !== undefined) {
          throw new StartError(
            `The store in ${folder} already runs (process ${pid}): stop it with Ctrl-C there, or set DATA_DIR, PORT and INNER_PORT_OFFSET for a second one.`,
          );
        }
        await rm(file, { force: true });
      }
    }
  } finally {
    await rm(own, { recursive: true, force: true });
  }
  return path.join(lock, name);
}

/** False when the lock isn't empty: of folders one takes the place of another only then, see rename(2). */
function takePlace(own: string, lock: string): Promise<boolean> {
  return rename(own, lock).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
      return false;
    },
  );
}

/** The process that holds the store in `folder`; an old lock, whose number may have a new owner, doesn't count. */
export async function findLauncher(folder: string): Promise<number | undefined> {
  return (await readHolders(folder)).find(({ pid }) => pid !== undefined)?.pid;
}

/** Whom the lock names, without a process if that has ended. */
async function readHolders(folder: string): Promise<{ file: string; pid: number | undefined }[]> {
  const lock = path.join(folder, LOCK);
  const names = await readdir(lock).catch((): string[] => []);
  return Promise.all(
    names.map(async (name) => {
      const pid = Number.parseInt(name, 10);
      return { file: path.join(lock, name), pid: name === (await nameHolder(pid)) ? pid : undefined };
    }),
  );
}

async function nameHolder(pid: number): Promise<string> {
  return `${pid}-${await startedAt(pid)}`;
}
