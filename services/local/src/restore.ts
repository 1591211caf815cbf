import { execFile } from 'node:child_process';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { isStore } from './data-dir.ts';
import { runCommand } from './run-command.ts';
import { readSettings } from './settings.ts';
import { StartError } from './start-error.ts';

const HELP = `npm run restore -- <file>: makes the store of a backup in DATA_DIR (default .store), where there must be none:
\`npm run reset\` forgets one that is there. \`npm start\` then starts it, with the settings of then.
`;

/** Makes the folder, whole or not at all. Throws StartError when it holds anything, or the file is no whole backup. */
export async function restoreStore(file: string, dataDir: string): Promise<void> {
  if ((await readdir(dataDir).catch(() => [])).length > 0) {
    throw new StartError(
      `${dataDir} isn't empty: forget what is there with \`npm run reset\`, or set DATA_DIR to a new folder.`,
    );
  }
  const partial = `${dataDir}.restoring-${process.pid}`;
  try {
    await mkdir(partial, { recursive: true, mode: 0o700 });
    await promisify(execFile)('tar', ['-xzf', file, '--no-same-owner', '-C', partial]);
    if (!(await isStore(partial))) throw new StartError('It holds no store.');
    await rename(partial, dataDir);
  } catch (cause) {
    throw new StartError(`${file} can't be restored: ${(cause as Error).message}`, { cause });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
  });
  if (values.help) return void process.stdout.write(HELP);
  const [file] = positionals;
  if (file === undefined) throw new StartError('npm run restore -- <file>: which backup?');
  const { dataDir } = readSettings(process.env);
  await restoreStore(path.resolve(process.env.INIT_CWD ?? '.', file), dataDir);
  console.log(`The store of ${file} is in ${dataDir}. \`npm start\` starts it.`);
}

if (import.meta.main) await runCommand(main);
