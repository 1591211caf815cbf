import pLimit from 'p-limit';

/** Runs at most `concurrency` pieces of work per key at a time; others wait in order. Idle keys cost nothing. */
export function createKeyedLimit(concurrency: number) {
  const keys = new Map<string, { limit: ReturnType<typeof pLimit>; users: number }>();
  return async <Result>(key: string, work: () => Promise<Result>): Promise<Result> => {
    const entry = keys.get(key) ?? { limit: pLimit(concurrency), users: 0 };
    keys.set(key, entry);
    entry.users += 1;
    try {
      return await entry.limit(work);
    } finally {
      entry.users -= 1;
      if (entry.users === 0) keys.delete(key);
    }
  };
}
