import { requestHash } from '#platform/canonical-json.ts';
import { Conflict, idempotencyInProgress, idempotencyKeyReused, validationFailed } from '#platform/errors.ts';
import type { CartClient } from '../clients/cart.ts';
import type { ProductClient } from '../clients/product.ts';
import { type Address, canTransition, type OrderRecord, priceLines, type Rejection } from '../orders/order.ts';
import { type OrderProgress, SYSTEM } from '../orders/progress.ts';
import { orLeaveToRecovery, RECOVER_AFTER_MS, type RecoveryNotes } from '../orders/recovery-notes.ts';
import { checkoutExpired, checkoutPaused } from '../orders/refusals.ts';
import type { OrderRepository } from '../orders/repository.ts';
import type { SagaRunner } from './saga-runner.ts';

/** An order that isn't decided by then is answered 202. */
export const ANSWER_WITHIN_MS = 2000;
/** A checkout that isn't decided by then is rolled back: its prices are out of date. */
const EXPIRES_AFTER_MS = 10 * 60_000;

/** What a checkout's Idempotency-Key turned out to be. */
export const KEY_OUTCOMES = ['new', 'replayed', 'in_progress', 'reused'] as const;
export type KeyOutcome = (typeof KEY_OUTCOMES)[number];

export interface PlaceOrder {
  readonly shippingAddress: Address;
  readonly expectedTotal?: { readonly amount: number; readonly currency: string } | undefined;
}

/** The answer to a checkout. `late`: the order wasn't decided when the first answer was due, which was 202. */
export interface Placed {
  readonly order: OrderRecord;
  readonly late: boolean;
  readonly replayed: boolean;
}

export interface CheckoutService {
  /**
   * Places the user's cart, once for each key: the order's id is derived from user and key. Throws Conflict `cart_empty`,
   * `product_unavailable`, `cart_changed` or `insufficient_stock`, which the key repeats from then on, or `idempotency_in_progress`;
   * Unprocessable `idempotency_key_reused`; Unavailable when nothing was written or the outcome is unknown: a retry with the same key
   * finds out.
   */
  place(userId: string, idempotencyKey: string, request: PlaceOrder): Promise<Placed>;
  /** Completes what a crash, a failure or a cancellation left: forward while the order is young, back once it is old. Repeatable. */
  recover(orderId: string): Promise<void>;
}

type Lines = NonNullable<OrderRecord['lines']>;

export interface CheckoutParts {
  readonly orders: OrderRepository;
  readonly cart: CartClient;
  readonly product: ProductClient;
  readonly progress: OrderProgress;
  readonly recovery: RecoveryNotes;
  readonly sagas: SagaRunner<OrderRecord>;
  readonly currency: string;
  readonly now: () => Date;
  /** The same id for the same user and key. */
  toOrderId(userId: string, idempotencyKey: string): string;
  countRejection(order: OrderRecord): void;
  countKey(outcome: KeyOutcome): void;
}

export function createCheckoutService(parts: CheckoutParts): CheckoutService {
  const { orders, cart, product, progress, recovery, sagas, currency, now, toOrderId, countRejection, countKey } =
    parts;

  /** Decisions being written, by order id. */
  const deciding = new Map<string, Promise<OrderRecord | undefined>>();

  async function place(userId: string, idempotencyKey: string, request: PlaceOrder): Promise<Placed> {
    const { shippingAddress: address, expectedTotal } = request;
    if (expectedTotal && expectedTotal.currency !== currency) {
      throw validationFailed([{ pointer: '/expectedTotal/currency', detail: `The shop's currency is ${currency}.` }]);
    }
    const createdAt = now();
    const id = toOrderId(userId, idempotencyKey);
    const hash = requestHash(request);
    const known = await orders.findOrder(id);
    if (known) return replay(known, hash);
    assertCanStart();

    const expectedTotalMinor = expectedTotal?.amount;
    const newOrder = { id, userId, requestHash: hash, address, currency, expectedTotalMinor, createdAt };
    const { result: inserted, skipNote } = await sagas.intake(() =>
      recovery.guard(id, () => orders.insertOrder(newOrder)),
    );
    if (!inserted) return replay(await progress.getLatest(id), hash);

    countKey('new');
    const timeLeft = ANSWER_WITHIN_MS - (now().getTime() - createdAt.getTime());
    let order = inserted;
    await sagas.runWithin(timeLeft, id, async () => {
      order = await proceed(order).catch(async (cause: unknown) => {
        // The order may have been written after its notes came up, or its second note could not be put.
        await orLeaveToRecovery(recovery.put(id));
        throw cause;
      });
      // A completed order needs no recovery. The answer doesn't depend on how long this takes: a replay gives the same one.
      await orLeaveToRecovery(progress.finish(order).then(skipNote));
      return order;
    });
    // A decision carries the time at which its write started. Replays are answered by that time, and so is this request.
    if (order.status === 'pending') order = (await deciding.get(id)?.catch(() => undefined)) ?? order;
    return toPlaced(order, false);
  }

  /** A known outage is reported before anything is written, and so uses up no key. */
  function assertCanStart(): void {
    if (cart.isAvailable() && product.isAvailable() && sagas.hasRoom()) return;
    throw checkoutPaused();
  }

  /** The first answer's status with the order as it is now, or the same refusal. */
  async function replay(order: OrderRecord, hash: string): Promise<Placed> {
    if (order.requestHash !== hash) {
      countKey('reused');
      throw idempotencyKeyReused('order');
    }
    if (order.status === 'pending' && !isLate(order)) {
      countKey('in_progress');
      throw idempotencyInProgress();
    }
    countKey('replayed');
    // It may have been written after its notes came up; then only this retry gets it carried out.
    if (order.status === 'pending' && ageOf(order) > RECOVER_AFTER_MS)
      await orLeaveToRecovery(recovery.retryLater(order.id));
    return toPlaced(order, true);
  }

  function toPlaced(order: OrderRecord, replayed: boolean): Placed {
    const late = order.status === 'pending' || isLate(order);
    if (order.rejection && !late) throw toConflict(order.rejection, replayed);
    return { order, late, replayed };
  }

  /** Whether the order wasn't decided when the first answer was due, which was 202. */
  function isLate({ history, createdAt }: OrderRecord): boolean {
    const decidedAt = history.find(({ status }) => status !== 'pending')?.at ?? now();
    return decidedAt.getTime() - createdAt.getTime() >= ANSWER_WITHIN_MS;
  }

  /** The saga, until the order is decided. Each step is repeatable by the order's id, so any process can continue it, even at once. */
  async function proceed(order: OrderRecord): Promise<OrderRecord> {
    if (order.status !== 'pending') return order;
    try {
      const next = order.lines ? await sell(order, order.lines) : await fixLines(order);
      return proceed(next ?? (await progress.getLatest(order.id)));
    } catch (error) {
      if (error instanceof Conflict) return reject(order, error);
      throw error;
    }
  }

  /** Undefined when somebody else changed the order meanwhile. */
  async function fixLines(order: OrderRecord): Promise<OrderRecord | undefined> {
    const taken = await cart.take(order.userId, order.id);
    const offers = taken.length > 0 ? await product.listOffers(taken.map(({ productId }) => productId)) : [];
    const priced = priceLines(taken, offers, currency, order.expectedTotalMinor);
    return orders.setLines(order, priced, now());
  }

  /** Undefined when somebody else changed the order meanwhile. */
  async function sell(order: OrderRecord, lines: Lines): Promise<OrderRecord | undefined> {
    await hold(order.id, lines);
    await commit(order.id, lines);
    return decideBy(order, progress.move(order, 'confirmed', SYSTEM));
  }

  async function hold(orderId: string, lines: Lines): Promise<void> {
    try {
      await product.hold(orderId, lines);
    } catch (error) {
      // Another replica that works on this order was faster: what it has started to sell is sold.
      if (!(error instanceof Conflict && error.code === 'reservation_committed')) throw error;
    }
  }

  async function commit(orderId: string, lines: Lines): Promise<void> {
    try {
      await product.commit(orderId, lines);
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
      // The reservation was given back meanwhile; trying to hold it again tells which lines are short.
      await product.hold(orderId, lines);
      throw error;
    }
  }

  /** A refusal applies to the order as it was: if its lines have been fixed meanwhile, the saga continues. */
  async function reject(order: OrderRecord, refusal: Conflict): Promise<OrderRecord> {
    const rejection = { code: refusal.code, detail: refusal.message, extensions: refusal.extensions };
    const change = { to: 'rejected', ...SYSTEM, reason: refusal.code, rejection, at: now() } as const;
    const rejected = await decideBy(order, orders.changeStatus(order, change));
    if (!rejected) return proceed(await progress.getLatest(order.id));
    countRejection(order);
    return rejected;
  }

  /** Lets the answer wait for a decision that is being written. */
  function decideBy({ id }: OrderRecord, write: Promise<OrderRecord | undefined>): Promise<OrderRecord | undefined> {
    deciding.set(id, write);
    return write.finally(() => deciding.delete(id));
  }

  async function recover(orderId: string): Promise<void> {
    if (sagas.isRunning(orderId)) {
      await recovery.retryLater(orderId);
      return;
    }
    const seen = await orders.findOrder(orderId);
    // The order may already be cancelled, which only the latest read is sure to show.
    const isSettled = seen && !canTransition(seen.status, 'cancelled');
    const order = isSettled ? seen : await orders.findOrder(orderId, { latest: true });
    if (order) await progress.finish(order.status === 'pending' ? await decide(order) : order);
  }

  function decide(order: OrderRecord): Promise<OrderRecord> {
    if (ageOf(order) > EXPIRES_AFTER_MS) return rollBack(order);
    return sagas.run(order.id, () => proceed(order));
  }

  function ageOf({ createdAt }: OrderRecord): number {
    return now().getTime() - createdAt.getTime();
  }

  async function rollBack(order: OrderRecord): Promise<OrderRecord> {
    try {
      if (order.lines) await product.release(order.id, order.lines);
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
      return sagas.run(order.id, () => proceed(order));
    }
    return reject(order, checkoutExpired());
  }

  return { place, recover };
}

function toConflict({ code, detail, extensions }: Rejection, replayed: boolean): Conflict {
  return new Conflict(code, detail, { extensions, replayed });
}
