import type { ChildProcess } from 'node:child_process';
import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { constants } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

interface ProcessState {
  readonly state: string;
  readonly group: number;
  readonly startedAt: string;
}

/** Call it before awaiting anything: on a slow disk a process may have ended before its pid is written. */
export function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

export function describeExit({ code, signal }: Exit): string {
  return signal ? `signal ${signal}` : `exit code ${code}`;
}

/** See proc(5): the name in parentheses may contain anything, so the fields are counted from its end. */
async function readState(pid: number): Promise<ProcessState | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', group: Number(fields[2]), startedAt: fields[19] ?? '' };
}

/** When a process began, which differs for a later one with the same pid; undefined if there is no such process, or it has ended. */
export async function startedAt(pid: number): Promise<string | undefined> {
  const process = await readState(pid);
  return process?.state === 'Z' ? undefined : process?.startedAt;
}

/** Whether a process handles the signal, which would otherwise end it; see proc(5). */
export async function handlesSignal(pid: number, signal: NodeJS.Signals): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const caught = /^SigCgt:\s+([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return ((BigInt(`0x${caught}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
}

/** The process `leader` and the others of its group, if it leads one. */
export async function listGroup(leader: number): Promise<number[]> {
  const pids = (await readdir('/proc').catch(() => [])).map(Number).filter(Number.isInteger);
  const states = await Promise.all(pids.map(readState));
  const belongs = (pid: number, process: ProcessState | undefined) => pid === leader || process?.group === leader;
  return pids.filter((pid, index) => belongs(pid, states[index]) && states[index]?.state !== 'Z');
}

/** Those of the group whose working folder is `folder`: both together mean that they are ours. */
async function listOwnGroup(leader: number, folder: string): Promise<number[]> {
  const pids = await listGroup(leader);
  const folders = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')));
  return pids.filter((_, index) => folders[index] === folder);
}

/**
 * Ends the processes recorded in `runDir`, such as those that a killed start has left, by force after 5 s. Resolves to their names.
 * Touches nothing else.
 */
export async function stopLeftovers(runDir: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<string[]> {
  const names = await readdir(runDir).catch(() => []);
  const stopped = await Promise.all(
    names.map(async (name) => {
      const folder = await realpath(path.join(runDir, name));
      const leader = Number(await readFile(path.join(folder, 'pid'), 'utf8').catch(() => Number.NaN));
      return Number.isInteger(leader) && (await stopGroup(leader, folder, signal)) ? [name] : [];
    }),
  );
  return stopped.flat();
}

async function stopGroup(leader: number, folder: string, signal: NodeJS.Signals): Promise<boolean> {
  let members = await listOwnGroup(leader, folder);
  if (members.length === 0) return false;
  for (const pid of members) signalProcess(pid, signal);
  for (let waited = 0; members.length > 0; waited += 50) {
    if (waited === 5000) for (const pid of members) signalProcess(pid, 'SIGKILL');
    await sleep(50);
    members = await listOwnGroup(leader, folder);
  }
  return true;
}

/** False if there is no such process (or group, for a negative number). */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
