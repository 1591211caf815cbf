import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { findCassandra } from '../cassandra/server.ts';
import { isStore, MARKER, openDataDir } from '../data-dir.ts';
import { freeze } from '../freeze.ts';
import { runCommand } from '../run-command.ts';
import { REPOSITORY, readSettings } from '../settings.ts';
import { StartError } from '../start-error.ts';
import { stopSignal } from '../stop-signal.ts';

const HELP = `npm run backup -- [file]: writes all of the store in DATA_DIR (default .store) that can't be made again into one file.

Without a name it is store-backup-<time>.tar.gz in this folder. A running store goes on: Cassandra stands still for the moment in which its
files get a second name, and requests wait for it. The file holds every password and key: keep it as safe as the store.
\`npm run restore -- <file>\` makes a store of it.
`;

/** Beside Cassandra's data. The marker is what a restore knows a store by. */
const KEPT = [MARKER, 'secrets.json', 'seeded.json', 'keys'];
const COPY_DATA = path.join(REPOSITORY, 'cassandra/server/copy-data.sh');

const run = promisify(execFile);

export interface Backup {
  readonly bytes: number;
  /** ms for which Cassandra stood still; 0 where none ran. */
  readonly frozenMs: number;
}

/**
 * Writes the store as it is at one moment, running or not: what is made of it again is what a power cut at that moment would have left.
 * The file is there whole or not at all. Throws StartError.
 */
export async function backUpStore(dataDir: string, file: string, signal?: AbortSignal): Promise<Backup> {
  if (!(await isStore(dataDir))) throw new StartError(`There is no store in ${dataDir}.`);
  if (existsSync(file)) throw new StartError(`${file} is there already.`);
  const cassandra = await findCassandra(path.join(dataDir, 'cassandra'));
  // What doesn't run must not be started meanwhile.
  const folder = cassandra === undefined ? await openDataDir(dataDir, { needsSpace: false }) : undefined;
  const copy = path.join(dataDir, 'cassandra/backup');
  const partial = `${file}.partial`;
  try {
    await mkdir(copy).catch((cause) => {
      throw new StartError(`Another backup runs, or one was cut off: if none runs, delete ${copy}.`, { cause });
    });
    try {
      const frozenMs = await copyData(path.join(dataDir, 'cassandra'), cassandra, copy);
      await pack(dataDir, copy, partial, signal);
      await rename(partial, file);
      return { bytes: (await stat(file)).size, frozenMs };
    } finally {
      await Promise.all([copy, partial].map((made) => rm(made, { recursive: true, force: true })));
    }
  } finally {
    await folder?.release();
  }
}

async function copyData(data: string, cassandra: number | undefined, copy: string): Promise<number> {
  const startedAt = performance.now();
  const thaw = cassandra === undefined ? undefined : await freeze(cassandra);
  try {
    await run(COPY_DATA, [data, path.join(copy, 'cassandra')]);
  } catch (cause) {
    throw new StartError(`Cassandra's files can't be copied: ${(cause as Error).message}`, { cause });
  } finally {
    await thaw?.();
  }
  return thaw ? performance.now() - startedAt : 0;
}

async function pack(dataDir: string, copy: string, file: string, signal: AbortSignal | undefined): Promise<void> {
  const kept = KEPT.filter((name) => existsSync(path.join(dataDir, name)));
  try {
    // Made before tar writes to it, so that nobody else may read it.
    await writeFile(file, '', { mode: 0o600 });
    await run('tar', ['-czf', file, '-C', dataDir, ...kept, '-C', copy, 'cassandra'], { signal });
  } catch (cause) {
    // 1 is a file that grew meanwhile, which only those can that the next start drops (copy-data.sh).
    if ((cause as { code?: unknown }).code === 1) return;
    throw new StartError(`${file} can't be written: ${(cause as Error).message}`, { cause });
  }
}

async function main(name: string | undefined): Promise<void> {
  const time = new Date().toISOString().slice(0, 19).replaceAll(':', '');
  // npm goes to the repository, people mean the folder in which they are.
  const file = path.resolve(process.env.INIT_CWD ?? '.', name ?? `store-backup-${time}Z.tar.gz`);
  const { bytes, frozenMs } = await backUpStore(readSettings(process.env).dataDir, file, stopSignal());
  const pause = frozenMs > 0 ? ` Cassandra stood still for ${Math.ceil(frozenMs)} ms.` : '';
  console.log(`${file}: ${(bytes / 1e6).toFixed(1)} MB, for its owner alone.${pause}`);
}

if (import.meta.main) await runCommand({ help: HELP, argument: 'optional' }, (_, name) => main(name));
