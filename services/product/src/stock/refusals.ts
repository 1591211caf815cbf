import { Conflict, Unavailable, Unprocessable } from '#platform/errors.ts';
import { type HoldState, type Line, MAX_UNITS, type ShortLine } from './stock.ts';

export function insufficientStock(lines: readonly ShortLine[]): Conflict {
  return new Conflict('insufficient_stock', 'There is not enough of at least one product.', { extensions: { lines } });
}

/** Of an adjustment that takes away; `replayed` where the same was asked and refused before. */
export function tooFewToTake(line: ShortLine, replayed: boolean): Conflict {
  return new Conflict('insufficient_stock', 'There are not as many as should be taken away.', {
    extensions: { lines: [line] },
    replayed,
  });
}

/** Of an adjustment that adds; `replayed` where the same was asked and refused before. */
export function stockLimitExceeded(replayed: boolean): Conflict {
  return new Conflict('stock_limit_exceeded', `There can't be more than ${MAX_UNITS} of a product.`, { replayed });
}

export function reservationReleased(state: HoldState | undefined): Conflict {
  return new Conflict('reservation_released', 'The reservation was given back.', { extensions: { state } });
}

export function reservationCommitted(): Conflict {
  return new Conflict('reservation_committed', 'The reservation has become a sale.');
}

/** `reserved` is the quantity of the reservation that is there. */
export function reservationMismatch(orderId: string, line: Line, reserved: number): Conflict {
  return new Conflict('reservation_mismatch', 'The reservation was made for another quantity.', {
    extensions: { orderId, line, reserved },
  });
}

export function idempotencyInProgress(): Conflict {
  return new Conflict('idempotency_in_progress', 'The first request with this key is still running.', {
    retryAfter: 1,
  });
}

export function idempotencyKeyReused(): Unprocessable {
  return new Unprocessable('idempotency_key_reused', 'This Idempotency-Key was used for another adjustment.');
}

export function stockContended(): Unavailable {
  return new Unavailable('stock_contended', 'The stock of a product is much asked for; ask again.');
}
