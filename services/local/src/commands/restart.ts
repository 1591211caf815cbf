import { setTimeout as sleep } from 'node:timers/promises';
import { findLauncher } from '../data-dir.ts';
import { handlesSignal } from '../processes.ts';
import { runCommand } from '../run-command.ts';
import { readServiceProcesses } from '../service-processes.ts';
import { readSettings } from '../settings.ts';
import { StartError } from '../start-error.ts';

const HELP = `npm run restart: restarts every service process of the running store in DATA_DIR, one after the other, each when the previous one is
ready. With two or more replicas (npm start -- --replicas 2) no request is lost; Nginx and Cassandra keep running.
`;
/** For one process to drain, end and start. */
const TIMEOUT_MS = 60_000;

/**
 * Signals the store's launcher, and resolves when every service process has been replaced. Throws StartError if there is no launcher that
 * can do it.
 */
async function restartServices(dataDir: string, say: (text: string) => void): Promise<void> {
  const launcher = await findLauncher(dataDir);
  if (launcher === undefined) throw new StartError(`No store is running in ${dataDir}: start one with npm start.`);
  const waiting = await readServiceProcesses(dataDir);
  // A load test or a backup may hold the folder too, and the signal ends a process that doesn't handle it.
  if (waiting.size === 0 || !(await handlesSignal(launcher, 'SIGUSR2'))) {
    throw new StartError(
      `Process ${launcher} holds the store in ${dataDir} but restarts no services; npm start does, once it has said that the store is ready.`,
    );
  }
  process.kill(launcher, 'SIGUSR2');
  for (let deadline = Date.now() + TIMEOUT_MS; waiting.size > 0; await sleep(200)) {
    if (Date.now() > deadline) throw new StartError(`Not restarted in time: ${[...waiting.keys()].join(', ')}.`);
    for (const [name, pid] of await readServiceProcesses(dataDir)) {
      const before = waiting.get(name);
      if (before === undefined || before === pid) continue;
      waiting.delete(name);
      deadline = Date.now() + TIMEOUT_MS;
      say(`  ✓ ${name} is restarted (process ${before} → ${pid})`);
    }
  }
}

await runCommand({ help: HELP }, async () => {
  await restartServices(readSettings(process.env).dataDir, console.log);
  console.log('Every service is restarted.');
});
