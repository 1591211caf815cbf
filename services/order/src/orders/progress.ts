import { canFollow, canReach, isListed, type OrderRecord, type Status } from './order.ts';
import type { OrderRepository } from './repository.ts';

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
  /** Shows the order in the lists as it is. */
  show(order: OrderRecord): Promise<void>;
}

export interface ProgressParts {
  readonly orders: OrderRepository;
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

  async function show(order: OrderRecord): Promise<void> {
    if (isListed(order)) await orders.project(order);
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
    show,
    move,

    async advance(orderId, to) {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
        const order = await orders.findOrder(orderId, { latest: attempt > 1 });
        if (!order) return;
        if (order.status === to) return show(order);
        if (!canFollow(order.status, to)) {
          if (canReach(order.status, to)) await noteTooEarly(orderId, to);
          return;
        }
        const moved = await move(order, to, SYSTEM);
        if (moved) return show(moved);
      }
      throw new Error(`Order ${orderId} changes faster than it can be followed.`);
    },
  };
}
