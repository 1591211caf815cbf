import { readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import { SERVICE_NAMES } from '#platform/service-names.ts';

/** Running service processes of the store in `dataDir` by name; what an earlier start has left on record doesn't count. */
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

/** Whether a process of this name is a service, or a replica of one. */
export function isService(name: string): boolean {
  return SERVICE_NAMES.some((service) => service === name.replace(/-\d+$/, ''));
}
