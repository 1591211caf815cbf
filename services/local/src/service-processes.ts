import { readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import { SERVICE_NAMES } from '#platform/service-names.ts';

/** Pids of the running service processes of the store in `dataDir`, by name. Stale pid files of an earlier start don't count. */
export async function readServiceProcesses(dataDir: string): Promise<Map<string, number>> {
  const processes = new Map<string, number>();
  for (const name of await readdir(path.join(dataDir, 'run')).catch((): string[] => [])) {
    if (!isService(name)) continue;
    const folder = path.join(dataDir, 'run', name);
    const pid = Number(await readFile(path.join(folder, 'pid'), 'utf8').catch(() => Number.NaN));
    if ((await readlink(`/proc/${pid}/cwd`).catch(() => '')) === folder) processes.set(name, pid);
  }
  return processes;
}

/** Whether this is the name of a service, or of a replica of one. */
export function isService(name: string): boolean {
  return SERVICE_NAMES.some((service) => service === name.replace(/-\d+$/, ''));
}
