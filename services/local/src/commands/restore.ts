import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { isFree, isStore, REPORTS } from '../data-dir.ts';
import { runCommand } from '../run-command.ts';
import { readSettings } from '../settings.ts';
import { StartError } from '../start-error.ts';

const HELP = `npm run restore -- <file>: restores a backup to DATA_DIR (default .store), where there must be no store:
\`npm run reset\` deletes an existing one. Then start it with \`npm start\`.
`;

/**
 * Makes the whole folder or nothing; reports in it stay. Throws StartError if it holds anything else, or the file isn't a complete backup.
 */
export async function restoreStore(file: string, dataDir: string): Promise<void> {
  if (existsSync(dataDir) && !(await isFree(dataDir))) {
    throw new StartError(
      `${dataDir} isn't empty: delete an existing store with \`npm run reset\`; otherwise set DATA_DIR to a new folder.`,
    );
  }
  const partial = `${dataDir}.restoring-${process.pid}`;
  try {
    await mkdir(partial, { recursive: true, mode: 0o700 });
    await promisify(execFile)('tar', ['-xzf', file, '--no-same-owner', '-C', partial]);
    if (!(await isStore(partial))) throw new StartError('it contains no store.');
    await replace(dataDir, partial);
  } catch (cause) {
    throw new StartError(`${file} can't be restored: ${(cause as Error).message}`, { cause });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** A folder can replace only an empty one, so reports move first; they move back if that fails. */
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
  console.log(`${file} is restored to ${dataDir}. Start it with \`npm start\`.`);
}

if (import.meta.main) await runCommand({ help: HELP, argument: 'required' }, (_, file) => main(file));
