import pLimit from 'p-limit';
import type { AdminAudit } from '#platform/admin-audit/audit.ts';
import { idempotencyInProgress, idempotencyKeyReused, type StoreError } from '#platform/errors.ts';
import { createKeyedLimit } from '#platform/keyed-limit.ts';
import type { ProjectionNotes } from '../listings/projection-notes.ts';
import { productNotFound } from '../products/refusals.ts';
import {
  insufficientStock,
  reservationCommitted,
  reservationReleased,
  stockLimitExceeded,
  tooFewToRemove,
} from './refusals.ts';
import type { HoldResult, StockRepository } from './repository.ts';
import {
  type Adjustment,
  type HoldState,
  inDecidingOrder,
  isSound,
  type Line,
  type ReservationOutcome,
  type ShortLine,
  type StockLevel,
} from './stock.ts';

/** Conditional writes in flight on one product: more of them only starve each other in Paxos. */
const IN_FLIGHT_PER_PRODUCT = 2;
const LINES_IN_FLIGHT = 4;

export interface AdjustStock {
  readonly quantity: number;
  readonly reason: string;
}

/** An order's reservation of all its lines. Every step may be repeated and then has the same result. */
export interface StockService {
  /** Holds all lines or none; throws Conflict `insufficient_stock` naming every short line. */
  hold(orderId: string, lines: readonly Line[]): Promise<void>;
  /** Sells what is held; throws Conflict `reservation_released` when it was released before. */
  commit(orderId: string, lines: readonly Line[]): Promise<void>;
  /** Releases what is held and keeps late holds from being applied; throws Conflict `reservation_committed` when it was sold. */
  release(orderId: string, lines: readonly Line[]): Promise<void>;
  /** Returns what is held or sold, once. */
  return(orderId: string, lines: readonly Line[]): Promise<void>;
  /**
   * Adds units, or removes them, once for each operation: repeated, it has the first outcome, with the stock as it is now. Throws Conflict
   * `insufficient_stock`, `stock_limit_exceeded`, or `idempotency_in_progress` while the first still runs in this replica; Unprocessable
   * `idempotency_key_reused` for another adjustment.
   */
  adjust(
    productId: string,
    operationId: string,
    adjustment: AdjustStock,
    actor: string,
  ): Promise<{ readonly level: StockLevel; readonly replayed: boolean }>;
}

export interface StockParts {
  readonly repository: StockRepository;
  readonly notes: ProjectionNotes;
  readonly audit: AdminAudit;
  count(outcome: ReservationOutcome): void;
  countViolation(): void;
}

export function createStockService(parts: StockParts): StockService {
  const { repository, notes, audit, count, countViolation } = parts;
  const perProduct = createKeyedLimit(IN_FLIGHT_PER_PRODUCT);
  /** Adjustments that run for the first time in this replica, by product and operation. */
  const running = new Map<string, AdjustStock>();

  /** Does one step on one product, then checks whether the stock crossed zero; the step is done only after that. */
  async function takeStep<Result>(line: Line, step: (line: Line) => Promise<Result>): Promise<Result> {
    const result = await perProduct(line.productId, () => step(line));
    await findLevel(line.productId);
    return result;
  }

  /** The stock as it is now; lists that show otherwise are noted. */
  async function findLevel(productId: string): Promise<StockLevel | undefined> {
    const level = await repository.findLevel(productId);
    if (level && !isSound(level)) countViolation();
    if (level && level.available > 0 !== level.inStock) await notes.put(productId);
    return level;
  }

  async function getLevel(productId: string): Promise<StockLevel> {
    const level = await findLevel(productId);
    if (!level) throw productNotFound();
    return level;
  }

  function takeSteps<Result>(lines: readonly Line[], step: (line: Line) => Promise<Result>): Promise<Result[]> {
    const limit = pLimit(LINES_IN_FLIGHT);
    return Promise.all(lines.map((line) => limit(takeStep, line, step)));
  }

  async function release(orderId: string, lines: readonly Line[]): Promise<void> {
    const releaseLine = (line: Line) => repository.release(orderId, line);
    const [first, ...rest] = inDecidingOrder(lines);
    const decided = await takeStep(first, releaseLine);
    if (decided === 'committed') throw reservationCommitted();
    await takeSteps(rest, releaseLine);
    count('released');
  }

  /** The result of the adjustment that is bound to the operation. */
  async function toAdjusted(productId: string, asked: AdjustStock, stands: Adjustment, replayed: boolean) {
    assertSame(asked, stands);
    if (stands.state === 'refused') throw refusedAdjustment(productId, stands, replayed);
    return { level: await getLevel(productId), replayed };
  }

  async function adjust(productId: string, operationId: string, asked: AdjustStock) {
    const { quantity, reason } = asked;
    // An adjustment that is cut off is not repeated, as a reservation's steps are: so the lists are noted before it.
    const stands = await perProduct(productId, () =>
      notes.guard(productId, () => repository.adjust(productId, operationId, quantity, reason)),
    );
    if (!stands) throw productNotFound();
    return toAdjusted(productId, asked, stands, !stands.isNew);
  }

  async function adjustFirst(productId: string, operationId: string, asked: AdjustStock, actor: string) {
    const before = toFields(await getLevel(productId));
    return audit.record(
      { entity: 'stock', entityId: productId, action: 'adjust', actor, before },
      () => adjust(productId, operationId, asked),
      ({ level, replayed }) => ({ ...asked, ...toFields(level), ...(replayed && { replayed }) }),
    );
  }

  return {
    async adjust(productId, operationId, asked, actor) {
      const known = await repository.findAdjustment(productId, operationId);
      if (known) return toAdjusted(productId, asked, known, true);
      const operation = `${productId} ${operationId}`;
      const first = running.get(operation);
      if (first) {
        assertSame(asked, first);
        throw idempotencyInProgress();
      }
      running.set(operation, asked);
      return adjustFirst(productId, operationId, asked, actor).finally(() => running.delete(operation));
    },

    async hold(orderId, lines) {
      const ordered = inDecidingOrder(lines);
      const results = await takeSteps(ordered, (line) => repository.hold(orderId, line));
      if (results.every(isHeld)) return count('held');
      await release(orderId, ordered);
      count('refused');
      throw insufficientStock(await toShortLines(ordered, results, repository));
    },

    async commit(orderId, lines) {
      const commitLine = async (line: Line) =>
        assertCommitted(await perProduct(line.productId, () => repository.commit(orderId, line)));
      const [first, ...rest] = inDecidingOrder(lines);
      await commitLine(first);
      await Promise.all(rest.map(commitLine));
      count('committed');
    },

    release,

    async return(orderId, lines) {
      await takeSteps(lines, (line) => repository.return(orderId, line));
      count('returned');
    },
  };
}

function assertSame(asked: AdjustStock, first: AdjustStock): void {
  if (asked.quantity !== first.quantity || asked.reason !== first.reason) throw idempotencyKeyReused('adjustment');
}

function isHeld({ state }: HoldResult): boolean {
  return state === 'held' || state === 'committed';
}

function assertCommitted(state: HoldState | undefined): void {
  if (state !== 'committed') throw reservationReleased(state);
}

/** The short lines; those of a reservation that was refused before are told by today's stock. */
async function toShortLines(
  lines: readonly Line[],
  results: readonly HoldResult[],
  repository: StockRepository,
): Promise<ShortLine[]> {
  const short = lines.flatMap(({ productId, quantity }, index) => {
    const result = results[index];
    return result?.state === 'short' ? [{ productId, requested: quantity, available: result.available }] : [];
  });
  if (short.length > 0) return short;
  const today = await Promise.all(
    lines.map(async ({ productId, quantity }) => {
      const level = await repository.findLevel(productId);
      return { productId, requested: quantity, available: level?.available ?? 0 };
    }),
  );
  return today.filter(({ requested, available }) => available < requested);
}

function toFields({ available, reserved, sold }: StockLevel): StockLevel {
  return { available, reserved, sold };
}

function refusedAdjustment(productId: string, { quantity, available }: Adjustment, replayed: boolean): StoreError {
  if (quantity > 0) return stockLimitExceeded(replayed);
  return tooFewToRemove({ productId, requested: -quantity, available: available ?? 0 }, replayed);
}
