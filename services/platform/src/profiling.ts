import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeHeapSnapshot } from 'node:v8';
import { z } from 'zod';
import type { Logger } from './logging.ts';

/** The file in the working folder that says what to profile. */
export const PROFILE_ORDER = 'profile.json';

const ProfileOrder = z.strictObject({
  kind: z.enum(['cpu', 'heap']),
  seconds: z.number().positive().max(600),
  /** Appears only once it is complete. */
  file: z.string(),
});
export type ProfileOrder = z.output<typeof ProfileOrder>;

/**
 * On SIGUSR2 the process profiles itself as the order in its working folder says; without an order, its CPU for 10 s into the system's
 * temporary folder. A second SIGUSR2 ends a CPU profile early. No port is opened for this.
 */
export function listenForProfiles(service: string, logger: Logger): void {
  let ending: AbortController | undefined;
  process.on('SIGUSR2', async () => {
    if (ending) return ending.abort();
    ending = new AbortController();
    try {
      const order = await readOrder(service);
      await takeProfile(order, ending.signal);
      logger.info('profile_taken', `The profile is in ${order.file}.`);
    } catch (cause) {
      logger.error('profile_failed', 'The profile could not be taken.', { cause });
    } finally {
      ending = undefined;
    }
  });
}

async function readOrder(service: string): Promise<ProfileOrder> {
  const text = await readFile(PROFILE_ORDER, 'utf8').catch(() => undefined);
  if (text === undefined) return { kind: 'cpu', seconds: 10, file: join(tmpdir(), `${service}.cpuprofile`) };
  await rm(PROFILE_ORDER);
  return ProfileOrder.parse(JSON.parse(text));
}

async function takeProfile({ kind, seconds, file }: ProfileOrder, ending: AbortSignal): Promise<void> {
  const part = `${file}.part`;
  if (kind === 'heap') writeHeapSnapshot(part);
  else await writeFile(part, JSON.stringify(await profileCpu(seconds, ending)), { mode: 0o600 });
  await rename(part, file);
}

async function profileCpu(seconds: number, ending: AbortSignal): Promise<object> {
  const { Session } = await import('node:inspector/promises');
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.start');
    await sleep(seconds * 1000, undefined, { signal: ending }).catch(() => undefined);
    return (await session.post('Profiler.stop')).profile;
  } finally {
    session.disconnect();
  }
}
