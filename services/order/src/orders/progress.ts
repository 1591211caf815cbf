import { canFollow, canReach, isListed, type OrderRecord, type Status } from './order.ts';
import type { OrderRepository } from './repository.ts';
import type { Undo } from './undo.ts';

const ATTEMPTS = 5;
/** What happens by itself is done by the system. */
export const SYSTEM: Mover = { actor: 'system' };

/** ms that an order rests before it moves on. */
export interface Delays {
  readonly processing: number;
  readonly shipped: number;
  readonly delivered: number;
}

/** Who changes an order, a user's id or 'system', and why. */
export interface Mover {
  readonly actor: string;
  readonly reason?: string | undefined;
}

/** Moves orders on. The next step is noted before the status changes, so that a crash between the two can't strand an order. */
export interface OrderProgress {
  /**
   * Takes the order to `to`, which must be able to follow, and leaves who did it and why in its history. Undefined when somebody else
   * changed the order meanwhile.
   */
  move(order: OrderRecord, to: Status, by: Mover): Promise<OrderRecord | undefined>;
  /** Takes the order to `to` when that is its turn; repeatable, and harmless for an order that went another way. */
  advance(orderId: string, to: Status): Promise<void>;
  /** What follows a decision: what was taken for nothing goes back, and the lists show the order as it is. Repeatable. */
  finish(order: OrderRecord): Promise<void>;
  /** The order after every change before now. */
  getLatest(orderId: string): Promise<OrderRecord>;
}

export interface ProgressParts {
  readonly orders: OrderRepository;
  readonly undo: Undo;
  readonly delays: Delays;
  readonly now: () => Date;
  /** Notes that the order is due for `to`. */
  noteStep(delayMs: number, orderId: string, to: Status): Promise<void>;
  /** Notes that it came too early for `to`, and is due again in a few seconds. */
  noteTooEarly(orderId: string, to: Status): Promise<void>;
  countChange(order: OrderRecord, to: Status): void;
}

export function createProgress({
  orders,
  undo,
  delays,
  now,
  noteStep,
  noteTooEarly,
  countChange,
}: ProgressParts): OrderProgress {
  const next: Partial<Record<Status, { to: Status; delayMs: number }>> = {
    confirmed: { to: 'processing', delayMs: delays.processing },
    processing: { to: 'shipped', delayMs: delays.shipped },
    shipped: { to: 'delivered', delayMs: delays.delivered },
  };

  async function finish(order: OrderRecord): Promise<void> {
    await Promise.all([undo(order), isListed(order) && orders.project(order)]);
  }

  async function move(order: OrderRecord, to: Status, by: Mover): Promise<OrderRecord | undefined> {
    const step = next[to];
    if (step) await noteStep(step.delayMs, order.id, step.to);
    const moved = await orders.changeStatus(order, { to, ...by, at: now() });
    if (!moved) return undefined;
    countChange(order, to);
    return moved;
  }

  return {
    move,
    finish,

    async getLatest(orderId) {
      const order = await orders.findOrder(orderId, { latest: true });
      if (!order) throw new Error(`Order ${orderId} is gone.`);
      return order;
    },

    async advance(orderId, to) {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
        const order = await orders.findOrder(orderId, { latest: attempt > 1 });
        if (!order) return;
        // Recovery may have looked for a cancellation before that applied. It can apply only where the order is, while this step is due.
        if (order.status === to || order.status === 'cancelled') return finish(order);
        if (!canFollow(order.status, to)) {
          if (canReach(order.status, to)) await noteTooEarly(orderId, to);
          return;
        }
        const moved = await move(order, to, SYSTEM);
        if (moved) return finish(moved);
      }
      throw new Error(`Order ${orderId} changes faster than it can be followed.`);
    },
  };
}
