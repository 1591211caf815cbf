import { processorTimeOf } from './processor-time.ts';

/** Work that is repeated as fast as it goes, by several at once. */
export interface Load {
  /** Makes ready what the next `run` uses up; not measured. */
  prepare?(): Promise<void>;
  /** About `seconds` of work; gives how often it was done. Throws when an answer wasn't the right one. */
  run(seconds: number): Promise<number>;
}

/** What is measured: the store, or the bare thing that it is held against. */
export interface Contestant {
  readonly load: Load;
  /** Ids of the processes that answer, the database left out; with what they have begun. */
  readonly processes: readonly number[];
}

/** One thing that the store does, and the least that it could cost: both answer the same question with the same data. */
export interface Comparison {
  readonly name: string;
  /** What the bare contestant is. */
  readonly against: string;
  readonly store: Contestant;
  readonly bare: Contestant;
  /** Speed of the store as a share of the bare one's, in every round. */
  readonly atLeast: number;
  /** Speed that the store must have in any case. */
  readonly atLeastPerSecond?: number;
}

export interface Sample {
  readonly perSecond: number;
  /** µs on a core for each piece of work, without the database's. */
  readonly processorTime: number;
  /** The same of the database alone. */
  readonly databaseTime: number;
}

export interface Round {
  readonly store: Sample;
  readonly bare: Sample;
}

/** Code is compiled and caches fill in a first round, so much longer, which doesn't count. */
const WARM_UP = 4;

/** The two take turns, so that both see the same machine. */
export async function compare(
  { store, bare }: Pick<Comparison, 'store' | 'bare'>,
  { rounds, seconds, database }: { rounds: number; seconds: number; database: number },
): Promise<Round[]> {
  const measured: Round[] = [];
  for (const contestant of [store, bare]) await measure(contestant, seconds * WARM_UP, database);
  for (let round = 1; round <= rounds; round += 1) {
    measured.push({
      store: await measure(store, seconds, database),
      bare: await measure(bare, seconds, database),
    });
  }
  return measured;
}

/** `database` is the id of its process. */
export async function measure({ load, processes }: Contestant, seconds: number, database: number): Promise<Sample> {
  await load.prepare?.();
  const before = await Promise.all([processorTimeOf(processes), processorTimeOf([database])]);
  const startedAt = performance.now();
  const done = await load.run(seconds);
  const elapsed = (performance.now() - startedAt) / 1000;
  const after = await Promise.all([processorTimeOf(processes), processorTimeOf([database])]);
  return {
    perSecond: done / elapsed,
    processorTime: (after[0] - before[0]) / done,
    databaseTime: (after[1] - before[1]) / done,
  };
}

/** What a round says of the store: 1 is as good as bare. */
export function speedOf({ store, bare }: Round): number {
  return store.perSecond / bare.perSecond;
}

export function costOf({ store, bare }: Round): number {
  return store.processorTime / bare.processorTime;
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((left, right) => left - right);
  const middle = sorted.length >> 1;
  const [left, right] = [sorted[sorted.length % 2 ? middle : middle - 1], sorted[middle]] as [number, number];
  return (left + right) / 2;
}
