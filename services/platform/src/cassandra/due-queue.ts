import { randomUUID } from 'node:crypto';
import pLimit from 'p-limit';
import type { Logger } from '../logging.ts';
import type { Metrics } from '../metrics.ts';
import { currentRequest, withRequestContext } from '../request-context.ts';
import { newTraceparent, parseTraceparent } from '../tracing/trace-context.ts';
import { startSpan } from '../tracing/tracing.ts';
import type { Database, Row } from './database.ts';

const SLOT_MS = 60_000;
const TICK_MS = 250;
/** How far behind now each scan looks again: longer than a late write takes to become visible. */
const OVERLAP_MS = 3000;
/** A row written this long after it was due may be behind the scans of a replica whose clock is ahead. */
const LATE_WRITE_MS = 1000;
/** Failed work is retried after half of this at the earliest, one and a half times this at the latest. */
const RETRY_MS = 3000;
const PAGE_ROWS = 500;
const CONCURRENCY = 16;
const SAVE_EVERY_MS = 1000;
/** How far before the watermark a start begins: rows written late, or by a replica whose clock differs, lie before it. */
const START_MARGIN_MS = 10_000;
const WORKER = 'due';

export interface DueWork {
  readonly id: string;
  readonly action: string;
  readonly dueAt: Date;
  /** The request that put it off, and that request's trace; undefined for work that no request caused. */
  readonly requestId: string | undefined;
  readonly traceparent: string | undefined;
}

/** Work that must happen, noted before the state that requires it changes. */
export interface DueQueue {
  /**
   * Notes that `action` is due for `id` in `delayMs`. The note survives a crash, and the work may be done more than once. It is done on
   * behalf of the current request: under its id, in a trace linked to its own. Call the returned function when the work has been done
   * otherwise: this process then skips it; another process, or a later one, may still do it.
   */
  put(delayMs: number, id: string, action: string): Promise<() => void>;
  /** Notes that `action` for `id`, which couldn't be done yet, is due again in a few seconds; noted by several replicas it is one row. */
  retryLater(id: string, action: string): Promise<void>;
  start(): void;
  /** Resolves when the work in progress has ended. */
  stop(): Promise<void>;
}

export interface DueQueueOptions {
  readonly database: Database;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Must be repeatable: every replica calls it for each row, at least once. Throw to have the row retried later. */
  handle(work: DueWork): Promise<void>;
}

/**
 * A time-slotted queue over the tables `due` and `due_watermark`. Every replica scans from shortly before the watermark to now and handles
 * what has become due. Nothing is locked, leased or deleted: doing work twice is harmless, and rows behind the watermark are not read
 * again, so they can't slow the scan down. Failed work is noted again before the scan moves on.
 */
export function createDueQueue({ database, logger, metrics, handle }: DueQueueOptions): DueQueue {
  const handled = metrics.counter(
    'due_work_total',
    'Pieces of due work, by outcome.',
    ['outcome'],
    ['done', 'retried'],
  );
  /** Everything seen that was due before this time has been handled. */
  let reached = Date.now();
  metrics.gauge('due_handled_until_seconds', 'Unix time up to which due work has been handled.', () => reached / 1000);
  metrics.gauge(
    'due_work_in_hand',
    'Pieces of due work in progress or next in line.',
    () => limit.activeCount + limit.pendingCount,
  );
  const limit = pLimit(CONCURRENCY);
  /** Rows within the overlap that have been handled, so that they aren't handled again at each tick, and rows to skip. */
  const recent = new Map<string, number>();
  let position: number | undefined;
  let savedAt = 0;
  let running: Promise<void> | undefined;
  let stopped = true;
  let wake: (() => void) | undefined;

  async function put(delayMs: number, id: string, action: string): Promise<() => void> {
    const dueAt = new Date(Date.now() + delayMs);
    await insert(dueAt, id, action);
    if (Date.now() - dueAt.getTime() > LATE_WRITE_MS) await retryLater(id, action);
    return () => skip({ id, action, dueAt });
  }

  async function retryLater(id: string, action: string): Promise<void> {
    await insert(new Date(nextRetryAt(id)), id, action);
  }

  async function insert(dueAt: Date, id: string, action: string): Promise<void> {
    const { requestId, traceparent } = currentRequest() ?? {};
    await database.write(
      'due.put',
      'INSERT INTO due (slot, due_at, id, action, request_id, traceparent) VALUES (?, ?, ?, ?, ?, ?)',
      [toSlot(dueAt), dueAt, id, action, requestId, traceparent],
    );
  }

  function skip(work: Pick<DueWork, 'id' | 'action' | 'dueAt'>): void {
    recent.set(keyOf(work), work.dueAt.getTime());
  }

  async function loop(): Promise<void> {
    let failing = false;
    while (!stopped) {
      try {
        await scan();
        failing = false;
      } catch (cause) {
        if (!failing) logger.warn('due_scan_failed', 'Due work waits until the database responds.', { cause });
        failing = true;
      }
      await rest();
    }
  }

  function rest(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, TICK_MS);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async function scan(): Promise<void> {
    const now = Date.now();
    position ??= await startPosition();
    // The clock was ahead and has been corrected: what came due meanwhile is behind the position.
    if (position > now) position = now - START_MARGIN_MS;
    for (let slot = floorToSlot(position); slot <= now; slot += SLOT_MS) {
      await scanSlot(slot, Math.max(slot, position), Math.min(slot + SLOT_MS - 1, now), now);
      if (stopped) return;
    }
    await moveTo(now, now);
  }

  /**
   * Where an earlier process was. At the oldest work if none has saved its position, or if it lies in the future: saved by a clock that was
   * ahead, it says nothing about what came due since, and its write timestamp makes it outlive what other clocks save.
   */
  async function startPosition(): Promise<number> {
    const [saved] = await database.read('due.watermark', 'SELECT done_until FROM due_watermark WHERE worker = ?', [
      WORKER,
    ]);
    if (saved && saved.done_until.getTime() <= Date.now()) return saved.done_until.getTime() - START_MARGIN_MS;
    const slots = await database.read('due.list_slots', 'SELECT DISTINCT slot FROM due', []);
    return Math.min(Date.now() - START_MARGIN_MS, ...slots.map(({ slot }) => slot.getTime()));
  }

  /** All that was due up to `time`, as seen at `seenAt`, has been handled; the overlap is scanned again. */
  async function moveTo(time: number, seenAt: number): Promise<void> {
    position = Math.max(position ?? 0, Math.min(time, seenAt - OVERLAP_MS));
    reached = time;
    for (const [key, dueAt] of recent) if (dueAt < position) recent.delete(key);
    if (Date.now() - savedAt < SAVE_EVERY_MS) return;
    await database.write('due.save_watermark', 'INSERT INTO due_watermark (worker, done_until) VALUES (?, ?)', [
      WORKER,
      new Date(position),
    ]);
    savedAt = Date.now();
  }

  async function scanSlot(slot: number, from: number, to: number, seenAt: number): Promise<void> {
    let after = new Date(from);
    for (;;) {
      const rows = await database.read(
        'due.scan',
        'SELECT due_at, id, action, request_id, traceparent FROM due WHERE slot = ? AND due_at >= ? AND due_at <= ? LIMIT ?',
        [new Date(slot), after, new Date(to), PAGE_ROWS],
      );
      const fresh = rows.map(toDueWork).filter((work) => !recent.has(keyOf(work)));
      await Promise.all(fresh.map((work) => limit(() => processAsRequest(work))));
      if (rows.length < PAGE_ROWS || stopped) return;
      const last: Date = (rows.at(-1) as Row).due_at;
      if (fresh.length === 0 && last.getTime() === after.getTime()) {
        throw new Error(`Over ${PAGE_ROWS} rows are due in one millisecond.`);
      }
      after = last;
      await moveTo(last.getTime(), seenAt);
    }
  }

  function processAsRequest(work: DueWork): Promise<void> {
    const { action, requestId = randomUUID(), traceparent: link } = work;
    const own = newTraceparent(link !== undefined && parseTraceparent(link).isSampled);
    const span = startSpan({ kind: 'consumer', name: `due ${action}`, traceparent: own, link });
    const context = { requestId, traceparent: span?.traceparent ?? own, deadlineAt: Number.POSITIVE_INFINITY };
    return withRequestContext(context, () => process(work)).finally(() =>
      span?.end({ attributes: { 'request.id': requestId } }),
    );
  }

  async function process(work: DueWork): Promise<void> {
    if (stopped) return;
    try {
      await handle(work);
      handled.inc({ outcome: 'done' });
    } catch (cause) {
      handled.inc({ outcome: 'retried' });
      logger.warn('due_work_failed', `${work.action} is retried in a few seconds.`, { id: work.id, cause });
      await retryLater(work.id, work.action);
    }
    skip(work);
  }

  return {
    put,
    retryLater,
    start() {
      stopped = false;
      running = loop();
    },
    async stop() {
      stopped = true;
      wake?.();
      await running;
    },
  };
}

/**
 * Every replica handles each row and notes what failed there. If each chose its own time, every retry would multiply the rows by the number
 * of replicas; so the retries of an id fall on the same times everywhere, one every `RETRY_MS`.
 */
function nextRetryAt(id: string): number {
  const earliest = Date.now() + RETRY_MS / 2;
  const phase = Number.parseInt(id.slice(0, 8), 16) % RETRY_MS;
  return earliest + ((phase - (earliest % RETRY_MS) + RETRY_MS) % RETRY_MS);
}

function toDueWork(row: Row): DueWork {
  return {
    id: String(row.id),
    action: row.action,
    dueAt: row.due_at,
    requestId: row.request_id ?? undefined,
    traceparent: row.traceparent ?? undefined,
  };
}

function keyOf({ id, action, dueAt }: Pick<DueWork, 'id' | 'action' | 'dueAt'>): string {
  return `${dueAt.getTime()} ${id} ${action}`;
}

function floorToSlot(time: number): number {
  return time - (time % SLOT_MS);
}

function toSlot(time: Date): Date {
  return new Date(floorToSlot(time.getTime()));
}
