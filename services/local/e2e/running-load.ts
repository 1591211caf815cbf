import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { REPOSITORY } from '../src/settings.ts';
import type { RunningStore } from './running-store.ts';

/** Starts `npm run load` on the store, in a process group of its own, with its outputs as pipes. */
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
    // Like a terminal's Ctrl-C, this reaches the whole group.
    detached: true,
  });
}

/** A few shoppers until the returned function is called. */
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
