import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { REPOSITORY } from '../src/settings.ts';
import type { RunningStore } from './running-store.ts';

/** Begins `npm run load` on the store, in a group of its own; what it says is read from its outputs. */
export function spawnLoad({ settings, store }: RunningStore, ...args: readonly string[]): ChildProcess {
  const { port, innerPortOffset, adminEmail, adminPassword } = settings;
  return spawn('npm', ['run', '--silent', 'load', '--', ...args], {
    cwd: REPOSITORY,
    env: {
      ...process.env,
      DATA_DIR: store.dataDir,
      PORT: String(port),
      INNER_PORT_OFFSET: String(innerPortOffset),
      ADMIN_EMAIL: adminEmail,
      ADMIN_PASSWORD: adminPassword,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A terminal's Ctrl-C reaches all of a group, and so does this.
    detached: true,
  });
}

/** A few shoppers, as long as nobody ends it. Gives what ends it. */
export function startLoad(running: RunningStore): () => Promise<void> {
  const load = spawnLoad(running, 'shoppers', '--users', '3', '--think', '1', '--duration', '30m');
  load.stdout?.resume();
  load.stderr?.pipe(process.stderr);
  const stop = () => {
    if (load.exitCode === null && load.pid !== undefined) process.kill(-load.pid, 'SIGINT');
  };
  process.once('exit', stop);
  return async () => {
    stop();
    if (load.exitCode === null) await once(load, 'exit');
    process.removeListener('exit', stop);
  };
}
