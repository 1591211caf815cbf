import { Unavailable } from '#platform/errors.ts';

/** Later than a write that gets an answer can end. */
const PROJECT_AFTER_MS = 6000;
/** A write without an answer may still lie in the socket of a frozen node, and apply once that node goes on. */
const LOOK_AGAIN_AFTER_MS = [PROJECT_AFTER_MS, 600_000];

/** Notes that the listings of a product must be brought up to date; they survive this process. */
export interface ProjectionNotes {
  /** For now: the listings may be wrong. */
  put(productId: string): Promise<void>;
  /**
   * Puts a note for `PROJECT_AFTER_MS` from now, then does `write`, which may change what the listings show. Puts further notes when its
   * outcome is unknown: the listings may have been looked at before it applies. Throws what `write` throws.
   */
  guard<Result>(productId: string, write: () => Promise<Result>): Promise<Result>;
}

export function createProjectionNotes({
  put,
}: {
  put(delayMs: number, productId: string): Promise<unknown>;
}): ProjectionNotes {
  return {
    async put(productId) {
      await put(0, productId);
    },

    async guard(productId, write) {
      await put(PROJECT_AFTER_MS, productId);
      try {
        return await write();
      } catch (error) {
        // The outage may keep these notes from being written too. The caller is told to try again, and that heals the listings as well.
        if (error instanceof Unavailable)
          await Promise.allSettled(LOOK_AGAIN_AFTER_MS.map((delayMs) => put(delayMs, productId)));
        throw error;
      }
    },
  };
}
