import { Conflict, Unavailable } from '#platform/errors.ts';
import { type HoldState, type Line, MAX_UNITS, type ShortLine } from './stock.ts';

export function insufficientStock(lines: readonly ShortLine[]): Conflict {
  return new Conflict('insufficient_stock', 'There are not enough units of at least one product.', {
    extensions: { lines },
  });
}

/** Refuses an adjustment that removes units; `replayed` when the same request was refused before. */
export function tooFewToRemove(line: ShortLine, replayed: boolean): Conflict {
  return new Conflict('insufficient_stock', 'There are fewer units than you want to remove.', {
    extensions: { lines: [line] },
    replayed,
  });
}

/** Refuses an adjustment that adds units; `replayed` when the same request was refused before. */
export function stockLimitExceeded(replayed: boolean): Conflict {
  return new Conflict('stock_limit_exceeded', `A product can't have more than ${MAX_UNITS} units.`, { replayed });
}

export function reservationReleased(state: HoldState | undefined): Conflict {
  return new Conflict('reservation_released', 'The reservation has been released.', { extensions: { state } });
}

export function reservationCommitted(): Conflict {
  return new Conflict('reservation_committed', 'The reservation has been sold.');
}

/** `reserved` is the quantity of the existing reservation. */
export function reservationMismatch(orderId: string, line: Line, reserved: number): Conflict {
  return new Conflict('reservation_mismatch', 'The reservation was made for another quantity.', {
    extensions: { orderId, line, reserved },
  });
}

export function stockContended(): Unavailable {
  return new Unavailable('stock_contended', "Too many requests for this product's stock right now; try again.");
}
