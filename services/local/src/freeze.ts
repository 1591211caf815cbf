import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Suspends a process (SIGSTOP) and resolves, once none of its threads is running, to a function that resumes it. It resumes at the latest
 * when this process ends, however that happens. Throws if there is no such process.
 */
export async function freeze(pid: number): Promise<() => Promise<void>> {
  // The shell's input ends when we do, and it has a group of its own: neither Ctrl-C nor kill -9 leaves anything frozen.
  const script = 'kill -STOP "$1" && read -r _; kill -CONT "$1"';
  const keeper = spawn('sh', ['-c', script, 'sh', String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  await once(keeper, 'spawn');
  while (!(await standsStill(pid))) await sleep(2);
  return async () => {
    keeper.stdin.end();
    if (keeper.exitCode === null) await once(keeper, 'exit');
  };
}

/** See proc(5): T is stopped, Z has ended. */
async function standsStill(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`);
  const states = await Promise.all(
    threads.map(async (thread) => {
      const stat = await readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8').catch(() => ') Z');
      return stat.slice(stat.lastIndexOf(')') + 2)[0] ?? '';
    }),
  );
  return states.every((state) => 'TZ'.includes(state));
}
