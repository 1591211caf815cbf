import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { REPOSITORY } from '../src/settings.ts';
import type { RunningStore } from './running-store.ts';

/** A few shoppers by `npm run load`, as long as nobody ends it. Gives what ends it. */
export function startLoad({ settings, store }: RunningStore): () => Promise<void> {
  const { port, innerPortOffset } = settings;
  const shoppers = ['shoppers', '--users', '3', '--think', '1', '--duration', '30m'];
  const load = spawn('npm', ['run', '--silent', 'load', '--', ...shoppers], {
    cwd: REPOSITORY,
    env: { ...process.env, DATA_DIR: store.dataDir, PORT: String(port), INNER_PORT_OFFSET: String(innerPortOffset) },
    stdio: ['ignore', 'ignore', 'inherit'],
    // A terminal's Ctrl-C reaches all of a group, and so does this.
    detached: true,
  });
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
