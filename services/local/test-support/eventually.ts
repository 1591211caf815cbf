import { setTimeout as sleep } from 'node:timers/promises';

/** Asks until `isDone` likes the answer, and gives it; throws with the last one after `withinMs`. */
export async function eventually<Result>(
  ask: () => Promise<Result> | Result,
  isDone: (result: Result) => boolean,
  withinMs: number,
): Promise<Result> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const askedAt = Date.now();
    const result = await ask();
    const now = Date.now();
    if (isDone(result)) return result;
    if (now > deadline) throw new Error(`Not within ${withinMs} ms: ${JSON.stringify(result)?.slice(0, 2000)}`);
    // Asking takes half of the time at most: what is waited for needs the machine too.
    await sleep(Math.max(50, now - askedAt));
  }
}
