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

/** A file in every store's folder. */
export const MARKER = '.product-store';
/** Kept in the store's folder; it may exist before the store, made by a benchmark or by a load test of another store. */
export const REPORTS = 'reports';
const LOCK = 'lock';
/** Jars, commit log and 20,000 products take about 700 MB. */
const NEEDED_BYTES_AT_FIRST = 1.5e9;
const NEEDED_BYTES_LATER = 0.7e9;

export interface DataDir {
  /** Without symbolic links. */
  readonly path: string;
  readonly isNew: boolean;
  /** Lets another process take the folder. */
  release(): Promise<void>;
}

/**
 * Takes the folder for this process alone, making it if necessary, and makes it accessible only to its owner. Throws StartError if another
 * process has it, if it holds anything but a store, or if the disk is full.
 */
export async function openDataDir(wanted: string, { needsSpace = true } = {}): Promise<DataDir> {
  await mkdir(wanted, { recursive: true, mode: 0o700 }).catch((cause: NodeJS.ErrnoException) => {
    throw new StartError(
      `${wanted} can't be created (${cause.code}): set DATA_DIR to a folder that you may write to.`,
      {
        cause,
      },
    );
  });
  const folder = await realpath(wanted);
  // Read once: another first start may write the marker at any time.
  const names = await readdir(folder);
  const isNew = !names.includes(MARKER);
  if (isNew && !hasOnlyReports(names)) {
    throw new StartError(`${folder} isn't empty and isn't a store's: set DATA_DIR to an empty or a new folder.`);
  }
  // If somebody created it beforehand, it may be open to everyone.
  await chmod(folder, 0o700).catch((cause: NodeJS.ErrnoException) => {
    throw new StartError(`${folder} can't be closed to others (${cause.code}): set DATA_DIR to a folder of your own.`, {
      cause,
    });
  });
  if (needsSpace) await checkDisk(folder, isNew ? NEEDED_BYTES_AT_FIRST : NEEDED_BYTES_LATER);
  await writeFile(
    path.join(folder, MARKER),
    'All of this folder belongs to the Product Store; `npm run reset` deletes it.\n',
  );
  const lock = await takeLock(folder);
  for (const name of ['run', 'logs']) await mkdir(path.join(folder, name), { recursive: true });
  return { path: folder, isNew, release: () => rm(lock, { force: true }) };
}

/** True for a folder that a start has made: a reset may delete nothing else. */
export async function isStore(folder: string): Promise<boolean> {
  return (await readdir(folder).catch((): string[] => [])).includes(MARKER);
}

/** True for a folder that may become a store. */
export async function isFree(folder: string): Promise<boolean> {
  return hasOnlyReports(await readdir(folder));
}

function hasOnlyReports(names: readonly string[]): boolean {
  return names.every((name) => name === REPORTS);
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
 * The lock is a folder with one file, named after a process and when it began. So the lock of a killed start blocks nobody, and a process
 * that removes it can't remove that of a quicker start. Resolves to the file.
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
            `The store in ${folder} is already running (process ${pid}): stop it with Ctrl-C there, or set DATA_DIR, PORT and INNER_PORT_OFFSET for a second one.`,
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

/** False if the lock isn't empty: a folder can replace only an empty one, see rename(2). */
function takePlace(own: string, lock: string): Promise<boolean> {
  return rename(own, lock).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
      return false;
    },
  );
}

/** The process that holds the store in `folder`. An old lock, whose pid may belong to another process now, doesn't count. */
export async function findLauncher(folder: string): Promise<number | undefined> {
  return (await readHolders(folder)).find(({ pid }) => pid !== undefined)?.pid;
}

/** The lock's files, each with its process unless that has ended. */
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
