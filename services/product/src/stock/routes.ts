import { idempotencyInProgress, idempotencyKeyReused } from '#platform/errors.ts';
import { Reply, type Route, route } from '#platform/http/route.ts';
import { productNotFound } from '../products/refusals.ts';
import { EXAMPLE_PRODUCT_ID, ProductParams } from '../products/schema.ts';
import {
  insufficientStock,
  reservationCommitted,
  reservationMismatch,
  reservationReleased,
  stockContended,
  stockLimitExceeded,
  tooFewToRemove,
} from './refusals.ts';
import {
  AdjustmentBody,
  EXAMPLE_LINE,
  EXAMPLE_ORDER_ID,
  ReservationBody,
  ReservationLinesBody,
  ReservationParams,
  StockBody,
  toStockBody,
} from './schema.ts';
import type { StockService } from './service.ts';

const PATH = '/internal/reservations/{orderId}';

/** Adjustments by admins; `toOperationId` makes one id of a caller and their key. */
export function adjustmentRoutes(stock: StockService, toOperationId: (userId: string, key: string) => string): Route[] {
  return [
    route({
      method: 'post',
      path: '/api/v1/products/{id}/stock-adjustments',
      summary: 'Adjust a product’s stock',
      description: 'Done once for each Idempotency-Key and product, however often it is sent.',
      tag: 'Products',
      access: 'admin',
      idempotencyKey: true,
      request: { params: ProductParams, body: AdjustmentBody },
      response: StockBody,
      errors: [
        productNotFound(),
        tooFewToRemove({ productId: EXAMPLE_PRODUCT_ID, requested: 500, available: 445 }, false),
        stockLimitExceeded(false),
        idempotencyInProgress(),
        idempotencyKeyReused('adjustment'),
        stockContended(),
      ],
      handle: async ({ params: { id }, body, idempotencyKey }, { userId }) => {
        const operationId = toOperationId(userId, idempotencyKey);
        const { level, replayed } = await stock.adjust(id, operationId, body, userId);
        return new Reply(toStockBody(id, level), { replayed });
      },
    }),
  ];
}

/** Reservations, only for the order service. Each call carries all lines of the order and may be repeated. */
export function stockRoutes(stock: StockService): Route[] {
  const common = {
    tag: 'Internal',
    access: { services: ['order'], scope: 'reservations:write' },
    request: { params: ReservationParams, body: ReservationLinesBody },
    response: ReservationBody,
    errors: [reservationMismatch(EXAMPLE_ORDER_ID, EXAMPLE_LINE, 1), stockContended()],
  } as const;
  return [
    route({
      ...common,
      method: 'put',
      path: PATH,
      summary: 'Hold all lines or none',
      errors: [insufficientStock([{ productId: EXAMPLE_PRODUCT_ID, requested: 2, available: 1 }]), ...common.errors],
      handle: async ({ params, body }) => {
        await stock.hold(params.orderId, body.lines);
        return { state: 'held' as const };
      },
    }),
    route({
      ...common,
      method: 'post',
      path: `${PATH}/commit`,
      summary: 'Sell what is held',
      errors: [reservationReleased('released'), ...common.errors],
      handle: async ({ params, body }) => {
        await stock.commit(params.orderId, body.lines);
        return { state: 'committed' as const };
      },
    }),
    route({
      ...common,
      method: 'post',
      path: `${PATH}/release`,
      summary: 'Release what is held',
      errors: [reservationCommitted(), ...common.errors],
      handle: async ({ params, body }) => {
        await stock.release(params.orderId, body.lines);
        return { state: 'released' as const };
      },
    }),
    route({
      ...common,
      method: 'post',
      path: `${PATH}/return`,
      summary: 'Return what is held or sold',
      handle: async ({ params, body }) => {
        await stock.return(params.orderId, body.lines);
        return { state: 'returned' as const };
      },
    }),
  ];
}
