import { StartError } from './start-error.ts';

/** Calls `listener` at each signal that asks this process to stop; from now on none of them ends it by itself. */
export function onStopSignal(listener: () => void): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, listener);
}

/** Aborts at the first such signal, with `sentence` as a StartError. */
export function stopSignal(sentence = 'Stopped.'): AbortSignal {
  const stopping = new AbortController();
  onStopSignal(() => stopping.abort(new StartError(sentence)));
  return stopping.signal;
}
