import { setTimeout as sleep } from 'node:timers/promises';
import { findLauncher } from '../data-dir.ts';
import { handlesSignal } from '../processes.ts';
import { runCommand } from '../run-command.ts';
import { readServiceProcesses } from '../service-processes.ts';
import { readSettings } from '../settings.ts';
import { StartError } from '../start-error.ts';

const HELP = `npm run restart: restarts every service process of the running store in DATA_DIR, one after the other, each when the one before is
ready. With two replicas or more (npm start -- --replicas 2) every request is served meanwhile; Nginx and Cassandra go on.
`;
/** ms for one process: it drains, ends and starts. */
const TIMEOUT = 60_000;

/** Asks the store's launcher, and resolves when every service process is another one. Throws StartError when none runs there that can. */
async function restartServices(dataDir: string, say: (text: string) => void): Promise<void> {
  const launcher = await findLauncher(dataDir);
  if (launcher === undefined) throw new StartError(`No store runs in ${dataDir}: start one with npm start.`);
  const waiting = await readServiceProcesses(dataDir);
  // A load test or a backup may hold the folder too, and whoever doesn't know the signal is ended by it.
  if (waiting.size === 0 || !(await handlesSignal(launcher, 'SIGUSR2'))) {
    throw new StartError(
      `Process ${launcher} has the store in ${dataDir}, but restarts no services: npm start does, once it says that the store is ready.`,
    );
  }
  process.kill(launcher, 'SIGUSR2');
  for (let deadline = Date.now() + TIMEOUT; waiting.size > 0; await sleep(200)) {
    if (Date.now() > deadline) throw new StartError(`Not restarted in time: ${[...waiting.keys()].join(', ')}.`);
    for (const [name, pid] of await readServiceProcesses(dataDir)) {
      const before = waiting.get(name);
      if (before === undefined || before === pid) continue;
      waiting.delete(name);
      deadline = Date.now() + TIMEOUT;
      say(`  ✓ ${name} is another process (${before} → ${pid})`);
    }
  }
}

await runCommand({ help: HELP }, async () => {
  await restartServices(readSettings(process.env).dataDir, console.log);
  console.log('Every service is restarted.');
});
