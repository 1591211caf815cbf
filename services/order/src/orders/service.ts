import { NotFound, Unavailable } from '#platform/errors.ts';
import { orLeaveToRecovery, type Undo } from '../checkout/undo.ts';
import { assertCanFollow, type Order, type OrderRecord, type Status } from './order.ts';
import type { OrderProgress } from './progress.ts';
import type { OrderPosition, OrderRepository } from './repository.ts';

const ATTEMPTS = 5;

export interface Viewer {
  readonly userId: string;
  readonly role: 'user' | 'admin';
}

export interface OrderPage {
  readonly orders: readonly Order[];
  readonly next: OrderPosition | undefined;
}

export interface OrderService {
  /** The order with its history, for its owner or an admin; throws NotFound `order_not_found` to anybody else. */
  getOrder(id: string, viewer: Viewer): Promise<OrderRecord>;
  /** One page of the user's orders, newest first, in one query. */
  listOrders(
    userId: string,
    status: Status | undefined,
    limit: number,
    after: OrderPosition | undefined,
  ): Promise<OrderPage>;
  /** Cancels until processing ends; its stock returns exactly once, soon if not at once. Throws Conflict `invalid_transition`. */
  cancel(id: string, viewer: Viewer): Promise<OrderRecord>;
}

export interface OrderParts {
  readonly orders: OrderRepository;
  readonly progress: OrderProgress;
  readonly undo: Undo;
  readonly now: () => Date;
  /** Notes that what the order has taken may have to be given back. */
  noteRecovery(orderId: string): Promise<void>;
  countChange(from: Status, to: Status): void;
}

export function createOrderService({
  orders,
  progress,
  undo,
  now,
  noteRecovery,
  countChange,
}: OrderParts): OrderService {
  async function getOrder(id: string, viewer: Viewer): Promise<OrderRecord> {
    const order = await orders.findOrder(id);
    if (!order || (order.userId !== viewer.userId && viewer.role !== 'admin')) {
      throw new NotFound('order_not_found', 'There is no such order.');
    }
    return order;
  }

  async function cancel(id: string, viewer: Viewer): Promise<OrderRecord> {
    let order = await getOrder(id, viewer);
    assertCanFollow(order, 'cancelled');
    await noteRecovery(id);
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      assertCanFollow(order, 'cancelled');
      const cancelled = await orders.changeStatus(order, { to: 'cancelled', actor: viewer.userId, at: now() });
      if (cancelled) {
        countChange(order.status, 'cancelled');
        return settle(cancelled);
      }
      order = await latest(id);
    }
    throw new Unavailable('order_contended', 'The order is changing; ask again.');
  }

  /** The order is cancelled, whatever comes now. */
  async function settle(order: OrderRecord): Promise<OrderRecord> {
    await orLeaveToRecovery(progress.show(order));
    await orLeaveToRecovery(undo(order));
    return order;
  }

  async function latest(id: string): Promise<OrderRecord> {
    const order = await orders.findOrder(id, { latest: true });
    if (!order) throw new Error(`Order ${id} is gone.`);
    return order;
  }

  return {
    getOrder,
    cancel,

    async listOrders(userId, status, limit, after) {
      const found = await orders.listByUser(userId, status, limit + 1, after);
      const page = found.slice(0, limit);
      const last = page.at(-1);
      return {
        orders: page,
        next: found.length > limit && last ? { createdAt: last.createdAt, id: last.id } : undefined,
      };
    },
  };
}
