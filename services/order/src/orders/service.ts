import type { AdminAudit } from '#platform/admin-audit/audit.ts';
import { cutPage, type TimePosition } from '#platform/page.ts';
import { assertMayBecome, type Order, type OrderRecord, type Status } from './order.ts';
import type { ChangedBy, OrderProgress } from './progress.ts';
import { orLeaveToRecovery, type RecoveryNotes } from './recovery-notes.ts';
import { orderContended, orderNotFound } from './refusals.ts';
import type { OrderRepository } from './repository.ts';

const ATTEMPTS = 5;

export interface Viewer {
  readonly userId: string;
  readonly role: 'user' | 'admin';
}

export interface OrderPage {
  readonly orders: readonly Order[];
  readonly next: TimePosition | undefined;
}

export interface OrderService {
  /** The order with its history, for its owner or an admin; throws NotFound `order_not_found` for anyone else. */
  getOrder(id: string, viewer: Viewer): Promise<OrderRecord>;
  /** One page of the user's orders, newest first, in one query. */
  listOrders(
    userId: string,
    status: Status | undefined,
    limit: number,
    after: TimePosition | undefined,
  ): Promise<OrderPage>;
  /** One page of all listed orders placed on `day` (UTC, `YYYY-MM-DD`), newest first, in one query. */
  listOrdersOfDay(
    day: string,
    status: Status | undefined,
    limit: number,
    after: TimePosition | undefined,
  ): Promise<OrderPage>;
  /**
   * Cancels the order, possible until processing ends; its stock is returned exactly once, soon if not at once. Throws Conflict
   * `invalid_transition`. An admin's cancellation is recorded in the audit log.
   */
  cancel(id: string, viewer: Viewer): Promise<OrderRecord>;
  /** Changes the order's status for an admin, and records it in the audit log. `to` may be `cancelled` too. Throws as `cancel` does. */
  transition(id: string, to: Status, reason: string | undefined, adminId: string): Promise<OrderRecord>;
}

export interface OrderParts {
  readonly orders: OrderRepository;
  readonly progress: OrderProgress;
  readonly recovery: RecoveryNotes;
  readonly audit: AdminAudit;
}

export function createOrderService({ orders, progress, recovery, audit }: OrderParts): OrderService {
  async function getOrder(id: string, viewer: Viewer): Promise<OrderRecord> {
    const order = await orders.findOrder(id);
    if (!order || (order.userId !== viewer.userId && viewer.role !== 'admin')) {
      throw orderNotFound();
    }
    return order;
  }

  async function change(found: OrderRecord, to: Status, by: ChangedBy): Promise<OrderRecord> {
    let order = found;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      assertMayBecome(order, to);
      const { id } = order;
      const { result: changed } = await recovery.guard(id, () => progress.move(order, to, by));
      if (changed) return settle(changed);
      order = await progress.getLatest(id);
    }
    throw orderContended();
  }

  function changeAsAdmin(order: OrderRecord, to: Status, { actor, reason }: ChangedBy): Promise<OrderRecord> {
    const { id: entityId, status } = order;
    return audit.record(
      { entity: 'order', entityId, action: to === 'cancelled' ? 'cancel' : 'transition', actor, before: { status } },
      () => change(order, to, { actor, reason }),
      () => ({ status: to, reason }),
    );
  }

  /** The change has been made and stands, whatever fails from here on. */
  async function settle(order: OrderRecord): Promise<OrderRecord> {
    await orLeaveToRecovery(progress.finish(order), () => recovery.put(order.id));
    return order;
  }

  return {
    getOrder,

    async cancel(id, viewer) {
      const order = await getOrder(id, viewer);
      const by = { actor: viewer.userId };
      return viewer.role === 'admin' ? changeAsAdmin(order, 'cancelled', by) : change(order, 'cancelled', by);
    },

    async transition(id, to, reason, adminId) {
      const order = await getOrder(id, { userId: adminId, role: 'admin' });
      return changeAsAdmin(order, to, { actor: adminId, reason });
    },

    listOrders: async (userId, status, limit, after) =>
      toPage(await orders.listByUser(userId, status, limit + 1, after), limit),

    listOrdersOfDay: async (day, status, limit, after) =>
      toPage(await orders.listByDay(day, status, limit + 1, after), limit),
  };
}

/** `found` has one order more than the page if there is a next page. */
function toPage(found: readonly Order[], limit: number): OrderPage {
  const { page, last } = cutPage(found, limit);
  return { orders: page, next: last && { at: last.createdAt, id: last.id } };
}
