import { readdir, readFile } from 'node:fs/promises';
import { listGroup } from '../src/processes.ts';

/** µs on a core that the groups of these processes have taken since they began, all threads together. */
export async function processorTimeOf(leaders: readonly number[]): Promise<number> {
  const pids = (await Promise.all(leaders.map(listGroup))).flat();
  const times = await Promise.all(pids.map(processorTime));
  return times.reduce((sum, time) => sum + time, 0);
}

/** See https://docs.kernel.org/scheduler/sched-stats.html; a thread may end meanwhile. */
async function processorTime(pid: number): Promise<number> {
  const tasks = await readdir(`/proc/${pid}/task`).catch(() => []);
  const files = tasks.map((task) => readFile(`/proc/${pid}/task/${task}/schedstat`, 'utf8').catch(() => '0'));
  const nanoseconds = (await Promise.all(files)).map((text) => Number(text.split(' ')[0]));
  return nanoseconds.reduce((sum, time) => sum + time, 0) / 1000;
}
