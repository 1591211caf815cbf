import { v5 as uuidv5 } from 'uuid';
import { createAdminAudit } from '#platform/admin-audit/audit.ts';
import { createAuditRepository } from '#platform/admin-audit/repository.ts';
import { adminAuditRoutes } from '#platform/admin-audit/routes.ts';
import { createDueQueue, type DueWork } from '#platform/cassandra/due-queue.ts';
import { createCursorCodec } from '#platform/http/cursor.ts';
import type { Platform, ServiceParts } from '#platform/service.ts';
import { checkoutRoutes } from './checkout/routes.ts';
import { createSagaRunner } from './checkout/saga-runner.ts';
import { createCheckoutService, KEY_OUTCOMES } from './checkout/service.ts';
import { createCartClient } from './clients/cart.ts';
import { createProductClient } from './clients/product.ts';
import type { OrderConfig } from './config.ts';
import type { OrderRecord, Status } from './orders/order.ts';
import { createProgress } from './orders/progress.ts';
import { createRecoveryNotes } from './orders/recovery-notes.ts';
import { createOrderRepository } from './orders/repository.ts';
import { orderRoutes } from './orders/routes.ts';
import { createOrderService } from './orders/service.ts';
import { createUndo } from './orders/undo.ts';

const RECOVER = 'recover';

/** Joins the parts of the order service. */
export function assembleOrder(platform: Platform, config: OrderConfig): ServiceParts {
  const { database, logger, metrics } = platform;
  const created = metrics.counter('orders_created_total', 'Orders created.');
  const changes = metrics.counter('order_status_changes_total', 'Status changes of orders.', ['from', 'to']);
  const value = metrics.counter(
    'order_value_minor_total',
    'Sum of confirmed orders, in minor units.',
    ['currency'],
    [config.CURRENCY],
  );
  const duration = metrics.histogram(
    'checkout_duration_seconds',
    'Time from creating an order to its decision, including recovery.',
    ['outcome'],
  );
  const idempotency = metrics.counter(
    'idempotency_total',
    'Checkout requests, by what their Idempotency-Key turned out to be.',
    ['outcome'],
    KEY_OUTCOMES,
  );

  const now = () => new Date();
  const orders = createOrderRepository(database);
  const cart = createCartClient(platform.clientOf('cart'));
  const product = createProductClient(platform.clientOf('product'));
  const audit = createAdminAudit({ lines: createAuditRepository(database), logger });
  const cursors = createCursorCodec(config.CURSOR_SECRET);
  const sagas = createSagaRunner<OrderRecord>(logger);
  metrics.gauge('checkouts_waiting', 'Checkouts waiting for their turn.', sagas.countWaiting);
  const due = createDueQueue({ database, logger, metrics, handle });

  const recovery = createRecoveryNotes({
    now,
    put: (delayMs, orderId) => due.put(delayMs, orderId, RECOVER),
    retryLater: (orderId) => due.retryLater(orderId, RECOVER),
  });

  function countChange({ status, createdAt, currency, totalMinor }: OrderRecord, to: Status): void {
    changes.inc({ from: status, to });
    if (status !== 'pending') return;
    duration.observe({ outcome: to }, (Date.now() - createdAt.getTime()) / 1000);
    if (to === 'confirmed') value.inc({ currency }, totalMinor);
  }
  const progress = createProgress({
    orders,
    undo: createUndo({ product, cart }),
    delays: {
      processing: config.ORDER_PROCESSING_DELAY_MS,
      shipped: config.ORDER_SHIPPED_DELAY_MS,
      delivered: config.ORDER_DELIVERED_DELAY_MS,
    },
    now,
    noteStep: due.put,
    noteTooEarly: due.retryLater,
    countChange,
  });
  const checkout = createCheckoutService({
    orders,
    cart,
    product,
    progress,
    recovery,
    sagas,
    currency: config.CURRENCY,
    now,
    toOrderId: (userId, idempotencyKey) => uuidv5(`POST /api/v1/orders ${idempotencyKey}`, userId),
    countRejection: (order) => countChange(order, 'rejected'),
    countKey(outcome) {
      idempotency.inc({ outcome });
      if (outcome === 'new') created.inc();
    },
  });
  const service = createOrderService({ orders, progress, recovery, audit });

  function handle({ id, action }: DueWork): Promise<void> {
    return action === RECOVER ? checkout.recover(id) : progress.advance(id, action as Status);
  }

  return {
    routes: [
      ...checkoutRoutes(checkout),
      ...orderRoutes(service, cursors),
      ...adminAuditRoutes(audit, ['order'], cursors),
    ],
    workers: [due, sagas],
  };
}
