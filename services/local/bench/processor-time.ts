import { readFile } from 'node:fs/promises';
import { listGroup } from '../src/processes.ts';

/** µs of a clock tick, in which Linux counts processor time. */
const TICK = 10_000;

/** µs of processor time that the groups of these processes have taken since they started, including ended threads. */
export async function processorTimeOf(leaders: readonly number[]): Promise<number> {
  const pids = (await Promise.all(leaders.map(listGroup))).flat();
  const times = await Promise.all(pids.map(processorTime));
  return times.reduce((sum, time) => sum + time, 0);
}

/** utime and stime of proc(5): the name in parentheses may contain anything, so fields are counted from its end. */
async function processorTime(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * TICK;
}
