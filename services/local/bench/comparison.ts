import { processorTimeOf } from './processor-time.ts';

/** Work that several clients repeat as fast as they can. */
export interface Load {
  /** Prepares what the next `run` uses up; not measured. */
  prepare?(): Promise<void>;
  /** Works for about `seconds`; gives how often the work was done. Throws on a wrong response. */
  run(seconds: number): Promise<number>;
}

/** What is measured: the store, or the bare version that it is compared with. */
export interface Contestant {
  readonly load: Load;
  /** Ids of the processes that respond, without the database; their children count too. */
  readonly processes: readonly number[];
}

/** One thing that the store does, and the least that it could cost: both serve the same request from the same data. */
export interface Comparison {
  readonly name: string;
  /** What the bare contestant is. */
  readonly against: string;
  readonly store: Contestant;
  readonly bare: Contestant;
  /** The speed that the store must reach in every round, as a share of the bare one's. */
  readonly atLeast: number;
  /** The speed that the store must reach in any case. */
  readonly atLeastPerSecond?: number;
}

export interface Sample {
  readonly perSecond: number;
  /** µs of processor time per unit of work, without the database. */
  readonly processorTime: number;
  /** The same of the database alone. */
  readonly databaseTime: number;
}

export interface Round {
  readonly store: Sample;
  readonly bare: Sample;
}

/** The work done in `elapsed` seconds, and the µs of processor time that it took. */
interface Tally {
  readonly done: number;
  readonly elapsed: number;
  readonly processorTime: number;
  readonly databaseTime: number;
}

const NOTHING: Tally = { done: 0, elapsed: 0, processorTime: 0, databaseTime: 0 };

/** Turns before the first round, which don't count: on two cores, it takes the database that long to compile what it does often. */
const WARM_UP = 15;

/**
 * The two take turns of one second, so that a machine that is slower for a while, as virtual ones are, slows both. `seconds` is the time of
 * each in a round, `database` the id of its process.
 */
export async function compare(
  { store, bare }: Pick<Comparison, 'store' | 'bare'>,
  { rounds, seconds, database }: { rounds: number; seconds: number; database: number },
): Promise<Round[]> {
  const takeTurns = async (turns: number): Promise<Round> => {
    const tallies: [Tally, Tally] = [NOTHING, NOTHING];
    for (let turn = 1; turn <= turns; turn += 1) {
      tallies[0] = add(tallies[0], await count(store, 1, database));
      tallies[1] = add(tallies[1], await count(bare, 1, database));
    }
    return { store: toSample(tallies[0]), bare: toSample(tallies[1]) };
  };
  const measured: Round[] = [];
  await takeTurns(WARM_UP);
  for (let round = 1; round <= rounds; round += 1) measured.push(await takeTurns(seconds));
  return measured;
}

/** `database` is the id of its process. */
export async function measure(contestant: Contestant, seconds: number, database: number): Promise<Sample> {
  return toSample(await count(contestant, seconds, database));
}

async function count({ load, processes }: Contestant, seconds: number, database: number): Promise<Tally> {
  await load.prepare?.();
  const before = await Promise.all([processorTimeOf(processes), processorTimeOf([database])]);
  const startedAt = performance.now();
  const done = await load.run(seconds);
  const elapsed = (performance.now() - startedAt) / 1000;
  const after = await Promise.all([processorTimeOf(processes), processorTimeOf([database])]);
  return { done, elapsed, processorTime: after[0] - before[0], databaseTime: after[1] - before[1] };
}

function add(one: Tally, other: Tally): Tally {
  return {
    done: one.done + other.done,
    elapsed: one.elapsed + other.elapsed,
    processorTime: one.processorTime + other.processorTime,
    databaseTime: one.databaseTime + other.databaseTime,
  };
}

function toSample({ done, elapsed, processorTime, databaseTime }: Tally): Sample {
  return { perSecond: done / elapsed, processorTime: processorTime / done, databaseTime: databaseTime / done };
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
