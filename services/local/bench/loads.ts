import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Load } from './comparison.ts';

const CONNECTIONS = 16;
const SCRIPT = path.join(import.meta.dirname, 'wrk.lua');

/** A path, and the token of the caller, if any. */
export interface Read {
  readonly path: string;
  readonly token?: string;
}

/**
 * Requests `reads` from `origin` in turn, with wrk, which takes little of the two cores compared with what it measures. The list for wrk
 * goes to `folder`.
 */
export async function readsOf(origin: string, reads: readonly Read[], folder: string): Promise<Load> {
  const list = path.join(folder, `reads-${crypto.randomUUID()}.txt`);
  await writeFile(list, reads.map(({ path, token }) => (token ? `${path} ${token}` : path)).join('\n'));
  return {
    async run(seconds) {
      const args = ['-t', '1', '-c', String(CONNECTIONS), '-d', `${seconds}s`, '-s', SCRIPT, origin, '--', list];
      const { stdout } = await promisify(execFile)('wrk', args);
      const [requests, faults] = /^done (\d+) (\d+)$/m.exec(stdout)?.slice(1).map(Number) ?? [];
      if (!requests || faults !== 0) throw new Error(`wrk at ${origin}${reads[0]?.path}:\n${stdout}`);
      return requests;
    },
  };
}

/** Repeats `once`, `atOnce` at a time; `number` counts from 0 across all runs. */
export function repeated(atOnce: number, once: (number: number) => Promise<void>): Load {
  let next = 0;
  return {
    async run(seconds) {
      const deadline = performance.now() + seconds * 1000;
      const before = next;
      const worker = async () => {
        while (performance.now() < deadline) await once(next++);
      };
      await Promise.all(Array.from({ length: atOnce }, worker));
      return next - before;
    },
  };
}

/** Uses up the `count` things that `make` prepared before each run, `atOnce` at a time; `number` counts from 0 across all runs. */
export function workedOff<Item>(
  atOnce: number,
  count: number,
  make: (number: number) => Promise<Item>,
  work: (item: Item) => Promise<void>,
): Load {
  let items: Item[] = [];
  let made = 0;
  const parallel = (task: (number: number) => Promise<void>) => {
    let next = 0;
    const worker = async () => {
      while (next < count) await task(next++);
    };
    return Promise.all(Array.from({ length: atOnce }, worker));
  };
  return {
    async prepare() {
      items = [];
      await parallel(async (number) => {
        items[number] = await make(made + number);
      });
      made += count;
    },
    async run() {
      await parallel((number) => work(items[number] as Item));
      return count;
    },
  };
}
