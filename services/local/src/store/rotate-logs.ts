import { rename, stat } from 'node:fs/promises';
import { SERVICE_NAMES } from '#platform/service-names.ts';
import { MONITORING_TOOLS } from '../tools.ts';
import { replicaName } from './services.ts';
import type { StartContext } from './start-context.ts';

const LARGE_LOG_BYTES = 20 << 20;

/** Makes `<name>.log.1` of every large log. Only for a store that isn't running: a process keeps writing to the file that it has opened. */
export async function rotateLogs({ ports, inData }: StartContext): Promise<void> {
  const services = SERVICE_NAMES.flatMap((name) => ports[name].map((_, index) => replicaName(name, index)));
  for (const name of [...services, 'access', 'nginx', ...MONITORING_TOOLS]) {
    const file = inData('logs', `${name}.log`);
    const size = await stat(file).then(
      (stats) => stats.size,
      () => 0,
    );
    if (size > LARGE_LOG_BYTES) await rename(file, `${file}.1`);
  }
}
