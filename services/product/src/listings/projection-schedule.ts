import { Unavailable } from '#platform/errors.ts';

/** Later than a write that gets an answer can end. */
const AFTER_WRITE_MS = 6000;
/** A write without an answer may be applied long afterwards, when a node that hung carries on. */
const AFTER_LOST_WRITE_MS = [AFTER_WRITE_MS, 600_000];

/** Says when the listings of a product must be brought up to date. What it says is written down and survives this process. */
export interface ProjectionSchedule {
  /** As soon as possible: they may be wrong now. */
  soon(productId: string): Promise<void>;
  /**
   * Does `write`, which may change what they show, after noting that they must be brought up to date some seconds later. When `write`
   * throws Unavailable, notes it again, twice: the write may be applied after the first note has been read. Throws what `write` throws.
   */
  around<Result>(productId: string, write: () => Promise<Result>): Promise<Result>;
}

/** `note` writes down that the product is to be projected in `delayMs`. */
export function createProjectionSchedule(
  note: (productId: string, delayMs: number) => Promise<unknown>,
): ProjectionSchedule {
  return {
    async soon(productId) {
      await note(productId, 0);
    },

    async around(productId, write) {
      await note(productId, AFTER_WRITE_MS);
      try {
        return await write();
      } catch (error) {
        // The same outage may keep the notes from being written: the caller is told to try again, and that brings the listings up too.
        if (error instanceof Unavailable)
          await Promise.allSettled(AFTER_LOST_WRITE_MS.map((delayMs) => note(productId, delayMs)));
        throw error;
      }
    },
  };
}
