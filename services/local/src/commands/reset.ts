import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { stopStaleCassandra } from '../cassandra/server.ts';
import { isStore, openDataDir } from '../data-dir.ts';
import { stopLeftovers } from '../processes.ts';
import { runCommand } from '../run-command.ts';
import { readSettings } from '../settings.ts';

const HELP = `npm run reset: deletes all data of the store in DATA_DIR (default .store): products, users, orders, keys, logs.
What Maven downloaded stays.

  --yes   doesn't ask for confirmation
`;

/** Deletes a store's folder. Resolves to false if it isn't a store's; throws StartError while the store is running. */
export async function resetStore(dataDir: string): Promise<boolean> {
  if (!(await isStore(dataDir))) return false;
  const folder = await openDataDir(dataDir, { needsSpace: false });
  await stopLeftovers(`${folder.path}/run`);
  await stopStaleCassandra(`${folder.path}/cassandra`);
  await rm(folder.path, { recursive: true });
  return true;
}

async function main({ yes }: { yes?: boolean }): Promise<void> {
  const { dataDir } = readSettings(process.env);
  if (!(await isStore(dataDir))) return console.log(`There is no store in ${dataDir}: nothing to delete.`);
  if (!yes && process.stdin.isTTY) {
    const terminal = createInterface({ input: process.stdin, output: process.stdout });
    const answer = await terminal.question(`Delete all data in ${dataDir}? This can't be undone. (yes/no) `);
    terminal.close();
    if (!/^y(es)?$/i.test(answer.trim())) return console.log('Nothing was changed.');
  }
  await resetStore(dataDir);
  console.log(`All data in ${dataDir} is deleted. \`npm start\` makes a new store.`);
}

if (import.meta.main) {
  await runCommand({ help: HELP, options: { yes: { type: 'boolean', short: 'y' } } }, main);
}
