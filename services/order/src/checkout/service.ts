import { requestHash } from '#platform/canonical-json.ts';
import { Conflict, validationFailed } from '#platform/errors.ts';
import type { CartClient } from '../clients/cart.ts';
import type { ProductClient } from '../clients/product.ts';
import { type Address, canFollow, type OrderRecord, priceLines, type Rejection } from '../orders/order.ts';
import { type OrderProgress, SYSTEM } from '../orders/progress.ts';
import { orLeaveToRecovery, RECOVER_AFTER_MS, type RecoveryNotes } from '../orders/recovery-notes.ts';
import { checkoutExpired, checkoutPaused, idempotencyInProgress, idempotencyKeyReused } from '../orders/refusals.ts';
import type { OrderRepository } from '../orders/repository.ts';
import type { SagaRunner } from './saga-runner.ts';

/** ms after which the shopper is answered 202, and the order tells. */
export const ANSWER_WITHIN = 2000;
/** ms after which a checkout that still is not through is turned back: nobody wants it at that day's prices any more. */
const EXPIRES_AFTER = 10 * 60_000;

export interface PlaceOrder {
  readonly shippingAddress: Address;
  readonly expectedTotal?: { readonly amount: number; readonly currency: string } | undefined;
}

/** The answer to a checkout: `late` says that the order had not been decided when the first answer was due (202). */
export interface Placed {
  readonly order: OrderRecord;
  readonly late: boolean;
  readonly replayed: boolean;
}

export interface CheckoutService {
  /**
   * Places the user's cart, once for each key: the order's id is made of both. Throws Conflict `cart_empty`, `product_unavailable`,
   * `cart_changed`, `insufficient_stock`, each of which the key then stands for, or `idempotency_in_progress`; Unprocessable
   * `idempotency_key_reused`; Unavailable when nothing was written, or nobody knows: the same key tells.
   */
  place(userId: string, idempotencyKey: string, request: PlaceOrder): Promise<Placed>;
  /** Takes up what a crash, a failure or a cancellation left: forward while it is young, back when it is old or refused. Repeatable. */
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
  /** The id that user and key always give. */
  toOrderId(userId: string, idempotencyKey: string): string;
  countRejection(order: OrderRecord): void;
  count(outcome: 'new' | 'replayed' | 'in_progress' | 'reused'): void;
}

export function createCheckoutService(parts: CheckoutParts): CheckoutService {
  const { orders, cart, product, progress, recovery, sagas, currency, now, toOrderId, countRejection, count } = parts;

  /** Decisions that are being written, by order. */
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
    assertCanBegin();

    const expectedTotalMinor = expectedTotal?.amount;
    const newOrder = { id, userId, requestHash: hash, address, currency, expectedTotalMinor, createdAt };
    const { result: inserted, skipNote } = await sagas.intake(() =>
      recovery.guard(id, () => orders.insertOrder(newOrder)),
    );
    if (!inserted) return replay(await progress.getLatest(id), hash);

    count('new');
    const timeLeft = ANSWER_WITHIN - (now().getTime() - createdAt.getTime());
    let order = inserted;
    await sagas.runWithin(timeLeft, id, async () => {
      order = await proceed(order).catch(async (cause: unknown) => {
        // Its notes may have come up before it was written, or could not be put.
        await orLeaveToRecovery(recovery.put(id));
        throw cause;
      });
      // An order that is through needs no recovery. Its answer doesn't depend on how long this takes: the same key gives it again.
      await orLeaveToRecovery(progress.finish(order).then(skipNote));
      return order;
    });
    // A decision bears the time at which its writing began, and by that time the key is answered from then on; so is this answer.
    if (order.status === 'pending') order = (await deciding.get(id)?.catch(() => undefined)) ?? order;
    return toPlaced(order, false);
  }

  /** A known outage costs no key: it is told before anything is written. */
  function assertCanBegin(): void {
    if (cart.isAvailable() && product.isAvailable() && sagas.hasRoom()) return;
    throw checkoutPaused();
  }

  /** The first answer's status with the order as it is now; a refusal as it was. */
  async function replay(order: OrderRecord, hash: string): Promise<Placed> {
    if (order.requestHash !== hash) {
      count('reused');
      throw idempotencyKeyReused();
    }
    if (order.status === 'pending' && !isLate(order)) {
      count('in_progress');
      throw idempotencyInProgress();
    }
    count('replayed');
    // It may have been written after its notes came up: then the shopper who asks for it is all that can set it going.
    if (order.status === 'pending' && ageOf(order) > RECOVER_AFTER_MS)
      await orLeaveToRecovery(recovery.retryLater(order.id));
    return toPlaced(order, true);
  }

  function toPlaced(order: OrderRecord, replayed: boolean): Placed {
    const late = order.status === 'pending' || isLate(order);
    if (order.rejection && !late) throw toConflict(order.rejection, replayed);
    return { order, late, replayed };
  }

  /** Not decided when the first answer was due: that answer was 202. */
  function isLate({ history, createdAt }: OrderRecord): boolean {
    const decidedAt = history.find(({ status }) => status !== 'pending')?.at ?? now();
    return decidedAt.getTime() - createdAt.getTime() >= ANSWER_WITHIN;
  }

  /** The saga until it is decided: each step may be repeated by the order's id, so it can be taken up anywhere, by several at once. */
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
      // Another replica that took the order up was faster: what it has begun to sell is sold.
      if (!(error instanceof Conflict && error.code === 'reservation_committed')) throw error;
    }
  }

  async function commit(orderId: string, lines: Lines): Promise<void> {
    try {
      await product.commit(orderId, lines);
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
      // Somebody gave the reservation back; asking to hold it again says which lines are short.
      await product.hold(orderId, lines);
      throw error;
    }
  }

  /** A refusal is one of the order as it was: with lines that somebody else has fixed meanwhile it goes on. */
  async function reject(order: OrderRecord, refusal: Conflict): Promise<OrderRecord> {
    const rejection = { code: refusal.code, detail: refusal.message, extensions: refusal.extensions };
    const change = { to: 'rejected', ...SYSTEM, reason: refusal.code, rejection, at: now() } as const;
    const rejected = await decideBy(order, orders.changeStatus(order, change));
    if (!rejected) return proceed(await progress.getLatest(order.id));
    countRejection(order);
    return rejected;
  }

  /** Lets whoever answers meanwhile wait for the decision. */
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
    // Where another status may follow that wants something done, one may stand already that only the very latest read shows.
    const isSettled = seen && !canFollow(seen.status, 'cancelled');
    const order = isSettled ? seen : await orders.findOrder(orderId, { latest: true });
    if (order) await progress.finish(order.status === 'pending' ? await decide(order) : order);
  }

  function decide(order: OrderRecord): Promise<OrderRecord> {
    if (ageOf(order) > EXPIRES_AFTER) return turnBack(order);
    return sagas.run(order.id, () => proceed(order));
  }

  function ageOf({ createdAt }: OrderRecord): number {
    return now().getTime() - createdAt.getTime();
  }

  async function turnBack(order: OrderRecord): Promise<OrderRecord> {
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
