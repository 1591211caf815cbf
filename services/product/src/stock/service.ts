import pLimit from 'p-limit';
import { Conflict } from '#platform/errors.ts';
import { createKeyedLimit } from '#platform/keyed-limit.ts';
import type { HoldResult, StockRepository } from './repository.ts';
import { type HoldState, inDecidingOrder, type Line, type ShortLine } from './stock.ts';

/** Conditional writes on one product in flight at a time: more of them only starve each other in Paxos. */
const IN_FLIGHT_PER_PRODUCT = 2;
const LINES_AT_ONCE = 4;

/** An order's reservation over all its lines. Every step may be repeated, and gives the same answer again. */
export interface StockService {
  /** Holds all lines or none; throws Conflict `insufficient_stock` naming every short line. */
  hold(orderId: string, lines: readonly Line[]): Promise<void>;
  /** Sells what is held; throws Conflict `reservation_released` when it was given back before. */
  commit(orderId: string, lines: readonly Line[]): Promise<void>;
  /** Gives back what is held and keeps late holds from applying; throws Conflict `reservation_committed` when it was sold. */
  release(orderId: string, lines: readonly Line[]): Promise<void>;
  /** Gives back what is held or sold, once. */
  return(orderId: string, lines: readonly Line[]): Promise<void>;
}

export interface StockParts {
  readonly repository: StockRepository;
  /** Notes that the listings of a product may no longer say the truth about its stock. */
  noteStockCrossing(productId: string): Promise<void>;
  count(outcome: 'held' | 'refused' | 'committed' | 'released' | 'returned'): void;
}

export function createStockService({ repository, noteStockCrossing, count }: StockParts): StockService {
  const perProduct = createKeyedLimit(IN_FLIGHT_PER_PRODUCT);

  /** Does one step on one product and looks afterwards whether it crossed zero; the step counts as done only then. */
  async function takeStep<Result>(line: Line, step: (line: Line) => Promise<Result>): Promise<Result> {
    const result = await perProduct(line.productId, () => step(line));
    const level = await repository.findLevel(line.productId);
    if (level && level.available > 0 !== level.inStock) await noteStockCrossing(line.productId);
    return result;
  }

  async function takeSteps<Result>(lines: readonly Line[], step: (line: Line) => Promise<Result>): Promise<Result[]> {
    const limit = pLimit(LINES_AT_ONCE);
    return Promise.all(lines.map((line) => limit(takeStep, line, step)));
  }

  async function release(orderId: string, lines: readonly Line[]): Promise<void> {
    const releaseLine = (line: Line) => repository.release(orderId, line);
    const [first, ...rest] = inDecidingOrder(lines);
    const decided = await takeStep(first, releaseLine);
    if (decided === 'committed') throw new Conflict('reservation_committed', 'The reservation has become a sale.');
    await takeSteps(rest, releaseLine);
    count('released');
  }

  return {
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

function isHeld({ state }: HoldResult): boolean {
  return state === 'held' || state === 'committed';
}

function assertCommitted(state: HoldState | undefined): void {
  if (state !== 'committed')
    throw new Conflict('reservation_released', 'The reservation was given back.', { extensions: { state } });
}

/** Lines that had too few; a reservation that was refused before is judged by what is there today. */
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

function insufficientStock(lines: readonly ShortLine[]): Conflict {
  return new Conflict('insufficient_stock', 'There is not enough of at least one product.', { extensions: { lines } });
}
