/** One line of a reservation; whole units. */
export interface Line {
  readonly productId: string;
  readonly quantity: number;
}

/** What became of an order's hold on one product. */
export const HOLD_STATES = ['held', 'committed', 'released', 'returned'] as const;
export type HoldState = (typeof HOLD_STATES)[number];

/** How a step of a reservation can end. */
export const RESERVATION_OUTCOMES = [...HOLD_STATES, 'refused'] as const;
export type ReservationOutcome = (typeof RESERVATION_OUTCOMES)[number];

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

/** False when more was taken than there was. No statement of ours does that: the table was changed by hand, or a rule is broken. */
export function isSound({ available, reserved, sold }: StockLevel): boolean {
  return available >= 0 && reserved >= 0 && sold >= 0;
}

/** An admin's adjustment of one product's stock, and what became of it. */
export interface Adjustment {
  /** Whole units, not 0; negative removes. */
  readonly quantity: number;
  readonly reason: string;
  readonly state: 'applied' | 'refused';
  /** How many units there were when it was refused. */
  readonly available: number | undefined;
}

/** More than any real stock, and far below where a column would overflow. */
export const MAX_UNITS = 1_000_000_000;

/**
 * The lines in the order that every step uses. The first line decides: commit and release both begin with it, its row can change only one
 * way, and the others follow. So an order of many lines is committed or released as a whole.
 */
export function inDecidingOrder(lines: readonly Line[]): [Line, ...Line[]] {
  const sorted = lines.toSorted((left, right) => (left.productId < right.productId ? -1 : 1));
  return sorted as [Line, ...Line[]];
}
