import path from 'node:path';
import type { Running } from '../running.ts';
import { type InnerPorts, innerPorts, type StoreSettings } from '../settings.ts';
import { type Supervised, type SupervisorEvent, supervise } from '../supervisor.ts';

export type StoreEvent =
  | { readonly kind: 'began'; readonly step: string; readonly text: string }
  | { readonly kind: 'done'; readonly step: string; readonly text: string }
  | { readonly kind: 'advanced'; readonly step: string; readonly done: number; readonly total: number }
  | { readonly kind: 'noted'; readonly text: string }
  | SupervisorEvent;

/** Parts of the store in the order in which they stop; what a stage names stops at once. */
const STAGES = [['service', 'monitoring'], ['gateway'], ['cassandra']] as const;
type Part = (typeof STAGES)[number][number];

/** What the parts of a start share. */
export interface StartContext {
  readonly settings: StoreSettings;
  readonly ports: InnerPorts;
  /** A path in the data folder. */
  inData(...names: string[]): string;
  note(text: string): void;
  /** Carries out a step of the start and shows it; throws if the start has been given up. */
  step<Result>(
    name: string,
    texts: readonly [began: string, done: string],
    work: () => Promise<Result>,
  ): Promise<Result>;
  /** Starts a process and keeps it running until `stop`. */
  keep(part: Part, name: string, start: () => Promise<Running>): Promise<Supervised>;
  /** Like Promise.all, but the first failure gives up the whole start, and is thrown once every part has settled. */
  allOrNothing<Parts extends readonly Promise<unknown>[]>(
    parts: readonly [...Parts],
  ): Promise<{ -readonly [Index in keyof Parts]: Awaited<Parts[Index]> }>;
  /** Stops every process, each in good order. May be repeated. */
  stop(): Promise<void>;
}

export function createStartContext(
  settings: StoreSettings,
  dataDir: string,
  onProgress: (event: StoreEvent) => void,
  signal: AbortSignal,
): StartContext {
  const failure = new AbortController();
  const givenUp = AbortSignal.any([signal, failure.signal]);
  const kept: { readonly part: Part; readonly process: Supervised }[] = [];

  return {
    settings,
    ports: innerPorts(settings.innerPortOffset, settings.replicas),
    inData: (...names) => path.join(dataDir, ...names),
    note: (text) => onProgress({ kind: 'noted', text }),
    async step(name, [began, done], work) {
      givenUp.throwIfAborted();
      onProgress({ kind: 'began', step: name, text: began });
      const result = await work();
      onProgress({ kind: 'done', step: name, text: done });
      return result;
    },
    async keep(part, name, start) {
      givenUp.throwIfAborted();
      const restarts = settings.restarts ?? true;
      const process = await supervise(name, start, { restarts, onEvent: onProgress, signal: givenUp });
      kept.push({ part, process });
      return process;
    },
    async allOrNothing(parts) {
      for (const part of parts) part.catch((reason) => failure.abort(reason));
      await Promise.allSettled(parts);
      givenUp.throwIfAborted();
      return Promise.all(parts);
    },
    async stop() {
      for (const stage of STAGES) {
        const parts: readonly Part[] = stage;
        await Promise.all(kept.filter(({ part }) => parts.includes(part)).map(({ process }) => process.stop()));
      }
    },
  };
}
