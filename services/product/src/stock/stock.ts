/** One line of a reservation; whole units. */
export interface Line {
  readonly productId: string;
  readonly quantity: number;
}

/** What became of an order's hold on one product. */
export type HoldState = 'held' | 'committed' | 'released' | 'returned';

/** A line that could not be held, and how many units there were. */
export interface ShortLine {
  readonly productId: string;
  readonly requested: number;
  readonly available: number;
}

export interface StockLevel {
  readonly available: number;
  readonly reserved: number;
  readonly sold: number;
}

/** False when more was taken than there was, which no statement of ours can do: somebody wrote into the table, or a rule is broken. */
export function isSound({ available, reserved, sold }: StockLevel): boolean {
  return available >= 0 && reserved >= 0 && sold >= 0;
}

/** An admin's adjustment of one product's stock, and what became of it. */
export interface Adjustment {
  /** Whole units, not 0; negative takes away. */
  readonly quantity: number;
  readonly reason: string;
  readonly state: 'applied' | 'refused';
  /** How many there were when it was refused. */
  readonly available: number | undefined;
}

/** More than this is nobody's stock, and far from where a column would overflow. */
export const MAX_UNITS = 1_000_000_000;

/**
 * Lines in the one order that every step uses. The first line decides: a commit takes it first and so does a release, its row can go
 * only one way, and the others follow. So an order of many lines is committed or released as a whole, whoever comes first.
 */
export function inDecidingOrder(lines: readonly Line[]): [Line, ...Line[]] {
  const sorted = lines.toSorted((left, right) => (left.productId < right.productId ? -1 : 1));
  return sorted as [Line, ...Line[]];
}
