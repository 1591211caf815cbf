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

const HELP = `npm run backup -- [file]: writes everything in the store of DATA_DIR (default .store) that can't be regenerated to one file.

Without a name it is store-backup-<time>.tar.gz in the current folder. A running store keeps running: Cassandra is frozen for the moment in
which its files are hard-linked, and requests wait. The file holds every password and key: keep it as safe as the store.
\`npm run restore -- <file>\` restores it.
`;

/** Besides Cassandra's data. A restore recognizes a store by the marker. */
const KEPT = [MARKER, 'secrets.json', 'seeded.json', 'keys'];
const COPY_DATA = path.join(REPOSITORY, 'cassandra/server/copy-data.sh');

const run = promisify(execFile);

export interface Backup {
  readonly bytes: number;
  /** How long Cassandra was frozen; 0 if it wasn't running. */
  readonly frozenMs: number;
}

/**
 * Writes the store as it is at one moment, running or not: a restore has what a power cut at that moment would have left.
 * Writes the whole file or none. Throws StartError.
 */
export async function backUpStore(dataDir: string, file: string, signal?: AbortSignal): Promise<Backup> {
  if (!(await isStore(dataDir))) throw new StartError(`There is no store in ${dataDir}.`);
  if (existsSync(file)) throw new StartError(`${file} already exists.`);
  const cassandra = await findCassandra(path.join(dataDir, 'cassandra'));
  // A store that isn't running must not be started meanwhile.
  const folder = cassandra === undefined ? await openDataDir(dataDir, { needsSpace: false }) : undefined;
  const copy = path.join(dataDir, 'cassandra/backup');
  const partial = `${file}.partial`;
  try {
    await mkdir(copy).catch((cause) => {
      throw new StartError(`Another backup is running, or one was interrupted: if none is running, delete ${copy}.`, {
        cause,
      });
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
    // Created before tar writes to it, so that only its owner can read it.
    await writeFile(file, '', { mode: 0o600 });
    await run('tar', ['-czf', file, '-C', dataDir, ...kept, '-C', copy, 'cassandra'], { signal });
  } catch (cause) {
    // 1: a file grew meanwhile, as only files that the next start drops can (copy-data.sh).
    if ((cause as { code?: unknown }).code === 1) return;
    throw new StartError(`${file} can't be written: ${(cause as Error).message}`, { cause });
  }
}

async function main(name: string | undefined): Promise<void> {
  const time = new Date().toISOString().slice(0, 19).replaceAll(':', '');
  // npm changes to the repository; people mean the folder they are in.
  const file = path.resolve(process.env.INIT_CWD ?? '.', name ?? `store-backup-${time}Z.tar.gz`);
  const { bytes, frozenMs } = await backUpStore(readSettings(process.env).dataDir, file, stopSignal());
  const pause = frozenMs > 0 ? ` Cassandra was frozen for ${Math.ceil(frozenMs)} ms.` : '';
  console.log(`${file}: ${(bytes / 1e6).toFixed(1)} MB, readable only by its owner.${pause}`);
}

if (import.meta.main) await runCommand({ help: HELP, argument: 'optional' }, (_, name) => main(name));
