import { canReach, canTransition, isListed, type OrderRecord, type Status } from './order.ts';
import type { OrderRepository } from './repository.ts';
import type { Undo } from './undo.ts';

const ATTEMPTS = 5;
export const SYSTEM: ChangedBy = { actor: 'system' };

/** Milliseconds that an order rests before it moves on. */
export interface Delays {
  readonly processing: number;
  readonly shipped: number;
  readonly delivered: number;
}

/** Who changes an order, a user's id or 'system', and why. */
export interface ChangedBy {
  readonly actor: string;
  readonly reason?: string | undefined;
}

/** Moves orders on. The next step is noted before the status changes, so that a crash between the two can't strand an order. */
export interface OrderProgress {
  /**
   * Changes the order's status to `to`, which must be a valid transition, and records who did it and why in its history. Undefined when
   * somebody else changed the order meanwhile.
   */
  move(order: OrderRecord, to: Status, by: ChangedBy): Promise<OrderRecord | undefined>;
  /** Moves the order to `to` if that is its next step. Repeatable, and harmless for an order that went another way. */
  advance(orderId: string, to: Status): Promise<void>;
  /** What follows a decision: gives back what was taken for nothing, and shows the order in the lists as it is. Repeatable. */
  finish(order: OrderRecord): Promise<void>;
  /** The order after every change made so far. */
  getLatest(orderId: string): Promise<OrderRecord>;
}

export interface ProgressParts {
  readonly orders: OrderRepository;
  readonly undo: Undo;
  readonly delays: Delays;
  readonly now: () => Date;
  /** Notes that the order is due for `to`. */
  noteStep(delayMs: number, orderId: string, to: Status): Promise<unknown>;
  /** Notes that `to` came too early for the order, and is due again in a few seconds. */
  noteTooEarly(orderId: string, to: Status): Promise<unknown>;
  countChange(order: OrderRecord, to: Status): void;
}

export function createProgress(parts: ProgressParts): OrderProgress {
  const { orders, undo, delays, now, noteStep, noteTooEarly, countChange } = parts;
  const next: Partial<Record<Status, { to: Status; delayMs: number }>> = {
    confirmed: { to: 'processing', delayMs: delays.processing },
    processing: { to: 'shipped', delayMs: delays.shipped },
    shipped: { to: 'delivered', delayMs: delays.delivered },
  };

  async function move(order: OrderRecord, to: Status, by: ChangedBy): Promise<OrderRecord | undefined> {
    const step = next[to];
    if (step) await noteStep(step.delayMs, order.id, step.to);
    const moved = await orders.changeStatus(order, { to, ...by, at: now() });
    if (!moved) return undefined;
    countChange(order, to);
    return moved;
  }

  async function finish(order: OrderRecord): Promise<void> {
    await Promise.all([undo(order), isListed(order) && orders.project(order)]);
  }

  return {
    move,
    finish,

    async advance(orderId, to) {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
        const order = await orders.findOrder(orderId, { latest: attempt > 1 });
        if (!order) return;
        // A cancellation may apply after recovery looked for it, but only while the order's next step is still due: this one.
        if (order.status === to || order.status === 'cancelled') return finish(order);
        if (!canTransition(order.status, to)) {
          if (canReach(order.status, to)) await noteTooEarly(orderId, to);
          return;
        }
        const moved = await move(order, to, SYSTEM);
        if (moved) return finish(moved);
      }
      throw new Error(`Order ${orderId} is changed faster than it can be moved on.`);
    },

    async getLatest(orderId) {
      const order = await orders.findOrder(orderId, { latest: true });
      if (!order) throw new Error(`Order ${orderId} is gone.`);
      return order;
    },
  };
}
