import { type Route, route } from '#platform/http/route.ts';
import { ReservationBody, ReservationParams, ReservationRequest } from './schema.ts';
import type { StockService } from './service.ts';

const PATH = '/internal/reservations/{orderId}';

/** Reservations, for the order service alone. Each call carries all lines of the order and may be repeated. */
export function stockRoutes(stock: StockService): Route[] {
  const common = {
    tag: 'Internal',
    access: { services: ['order'], scope: 'reservations:write' },
    request: { params: ReservationParams, body: ReservationRequest },
    response: ReservationBody,
    errors: [409],
  } as const;
  return [
    route({
      ...common,
      method: 'put',
      path: PATH,
      summary: 'Hold all lines or none',
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
      handle: async ({ params, body }) => {
        await stock.commit(params.orderId, body.lines);
        return { state: 'committed' as const };
      },
    }),
    route({
      ...common,
      method: 'post',
      path: `${PATH}/release`,
      summary: 'Give back what is held',
      handle: async ({ params, body }) => {
        await stock.release(params.orderId, body.lines);
        return { state: 'released' as const };
      },
    }),
    route({
      ...common,
      method: 'post',
      path: `${PATH}/return`,
      summary: 'Give back what is held or sold',
      handle: async ({ params, body }) => {
        await stock.return(params.orderId, body.lines);
        return { state: 'returned' as const };
      },
    }),
  ];
}
