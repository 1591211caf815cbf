import { Unavailable } from '#platform/errors.ts';

/** Longer than the calls of a saga may take. */
export const RECOVER_AFTER_MS = 6000;
/** A write without an answer may still lie in the socket of a frozen node, and apply once that node goes on. */
const LOOK_AGAIN_AFTER_MS = 60_000;

/** Notes that recovery must look at an order, put before anything makes it necessary. */
export interface RecoveryNotes {
  /** For `RECOVER_AFTER_MS` from now. The function it returns skips the note in this process. */
  put(orderId: string): Promise<() => void>;
  /** For a few seconds from now; put by several callers at once, it is one note. */
  retryLater(orderId: string): Promise<void>;
  /**
   * Puts a note, then does `write`. Puts another when recovery may have looked at the order before the write applied: when it took long,
   * or its outcome is unknown.
   */
  guard<Result>(orderId: string, write: () => Promise<Result>): Promise<Guarded<Result>>;
}

export interface Guarded<Result> {
  readonly result: Result;
  /** Skips the first note in this process. */
  skipNote(): void;
}

export interface RecoveryNotesParts {
  readonly now: () => Date;
  put(delayMs: number, orderId: string): Promise<() => void>;
  retryLater(orderId: string): Promise<void>;
}

export function createRecoveryNotes({ now, put, retryLater }: RecoveryNotesParts): RecoveryNotes {
  async function guard<Result>(orderId: string, write: () => Promise<Result>): Promise<Guarded<Result>> {
    const notedAt = now().getTime();
    const skipNote = await put(RECOVER_AFTER_MS, orderId);
    try {
      return { result: await write(), skipNote };
    } catch (error) {
      if (error instanceof Unavailable) await orLeaveToRecovery(put(LOOK_AGAIN_AFTER_MS, orderId));
      throw error;
    } finally {
      if (now().getTime() - notedAt > RECOVER_AFTER_MS / 2) await orLeaveToRecovery(put(RECOVER_AFTER_MS, orderId));
    }
  }

  return { put: (orderId) => put(RECOVER_AFTER_MS, orderId), retryLater, guard };
}

/**
 * Tolerates an outage where recovery does the same work later: a decision that stands must not fail because of it. `putNote` where the
 * note put before may have come up already.
 */
export async function orLeaveToRecovery(work: Promise<unknown>, putNote?: () => Promise<unknown>): Promise<void> {
  await work.catch(async (error: unknown) => {
    if (!(error instanceof Unavailable)) throw error;
    await putNote?.();
  });
}
