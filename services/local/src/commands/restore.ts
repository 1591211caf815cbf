import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { isFree, isStore, REPORTS } from '../data-dir.ts';
import { runCommand } from '../run-command.ts';
import { readSettings } from '../settings.ts';
import { StartError } from '../start-error.ts';

const HELP = `npm run restore -- <file>: makes the store of a backup in DATA_DIR (default .store), where there must be none:
\`npm run reset\` forgets one that is there. \`npm start\` then starts it, with the settings of then.
`;

/** Makes the folder, whole or not at all; reports stay. Throws StartError when it holds anything else, or the file is no whole backup. */
export async function restoreStore(file: string, dataDir: string): Promise<void> {
  if (existsSync(dataDir) && !(await isFree(dataDir))) {
    throw new StartError(
      `${dataDir} isn't empty: \`npm run reset\` forgets a store that is there; for anything else set DATA_DIR to a new folder.`,
    );
  }
  const partial = `${dataDir}.restoring-${process.pid}`;
  try {
    await mkdir(partial, { recursive: true, mode: 0o700 });
    await promisify(execFile)('tar', ['-xzf', file, '--no-same-owner', '-C', partial]);
    if (!(await isStore(partial))) throw new StartError('It holds no store.');
    await replace(dataDir, partial);
  } catch (cause) {
    throw new StartError(`${file} can't be restored: ${(cause as Error).message}`, { cause });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** A folder takes the place of an empty one only, so reports move first; they move back if that fails. */
async function replace(dataDir: string, folder: string): Promise<void> {
  const [before, after] = [dataDir, folder].map((parent) => path.join(parent, REPORTS)) as [string, string];
  if (!existsSync(before)) return rename(folder, dataDir);
  await rename(before, after);
  await rename(folder, dataDir).catch(async (error: unknown) => {
    await rename(after, before);
    throw error;
  });
}

async function main(file: string): Promise<void> {
  const { dataDir } = readSettings(process.env);
  await restoreStore(path.resolve(process.env.INIT_CWD ?? '.', file), dataDir);
  console.log(`The store of ${file} is in ${dataDir}. \`npm start\` starts it.`);
}

if (import.meta.main) await runCommand({ help: HELP, argument: 'required' }, (_, file) => main(file));
