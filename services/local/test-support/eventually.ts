import { setTimeout as sleep } from 'node:timers/promises';

/** Calls until `isDone` accepts the result, and resolves to it; throws with the last result after `withinMs`. */
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
    // Calling takes at most half of the time: what is awaited needs the machine too.
    await sleep(Math.max(50, now - askedAt));
  }
}
