import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { findLauncher } from '../data-dir.ts';
import { listGroup } from '../processes.ts';
import { isService } from '../service-processes.ts';

export interface ProcessMemory {
  readonly name: string;
  /** RSS of the process and its group; what they share counts for each. */
  readonly bytes: number;
}

const MB = 1024 * 1024;
const SERVICE_LIMIT = 150 * MB;
/** What a service may take after minutes of use. */
export const LOADED_SERVICE_LIMIT = 120 * MB;
export const STORE_LIMIT = 3 * 1024 * MB;

/** Memory of every process of the store in `dataDir`, by its pid files; undefined if no store is running there. */
export async function measureMemory(dataDir: string): Promise<ProcessMemory[] | undefined> {
  const launcher = await findLauncher(dataDir);
  if (launcher === undefined) return undefined;
  const parts = await readdir(path.join(dataDir, 'run')).catch((): string[] => []);
  const leaders = [
    ...parts.map((name) => ({ name, file: path.join(dataDir, 'run', name, 'pid') })),
    { name: 'cassandra', file: path.join(dataDir, 'cassandra/cassandra.pid') },
  ];
  const measured = await Promise.all(
    leaders.map(async ({ name, file }) => {
      const leader = Number.parseInt(await readFile(file, 'utf8').catch(() => ''), 10);
      return { name, bytes: Number.isInteger(leader) ? await residentOfGroup(leader) : 0 };
    }),
  );
  const own = { name: 'npm start', bytes: await residentOf(launcher) };
  return [...measured, own].filter(({ bytes }) => bytes > 0).sort((left, right) => right.bytes - left.bytes);
}

/** What is over its limit, one sentence each. */
export function faultsOfMemory(processes: readonly ProcessMemory[], serviceLimit = SERVICE_LIMIT): string[] {
  const faults = processes
    .filter(({ name, bytes }) => isService(name) && bytes > serviceLimit)
    .map(({ name, bytes }) => `${name} takes ${toMb(bytes)}, over ${toMb(serviceLimit)}`);
  const sum = sumOf(processes);
  if (sum > STORE_LIMIT) faults.push(`the store takes ${toMb(sum)}, over ${toMb(STORE_LIMIT)}`);
  return faults;
}

export function sumOf(processes: readonly ProcessMemory[]): number {
  return processes.reduce((sum, { bytes }) => sum + bytes, 0);
}

export function toMb(bytes: number): string {
  return `${Math.round(bytes / MB)} MB`;
}

async function residentOfGroup(leader: number): Promise<number> {
  const sizes = await Promise.all((await listGroup(leader)).map(residentOf));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function residentOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
}
