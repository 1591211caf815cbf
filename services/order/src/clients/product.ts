import { z } from 'zod';
import type { ServiceClient } from '#platform/client/service-client.ts';
import { Conflict } from '#platform/errors.ts';
import type { CartLine, Offer } from '../orders/order.ts';

const Offers = z.object({
  data: z.array(z.object({ id: z.string(), sku: z.string(), name: z.string(), price: z.object({ amount: z.int() }) })),
});
const Reservation = z.object({ state: z.string() });
const Refusal = z.looseObject({
  code: z.string(),
  detail: z.string(),
  lines: z.array(z.object({ productId: z.string(), requested: z.int(), available: z.int() })).optional(),
});

/** Catalogue and stock, as a checkout uses them. Every step is repeatable. A refusal is a Conflict with the product service's code. */
export interface ProductClient {
  /** What can be bought now; products that can't are absent. */
  listOffers(ids: readonly string[]): Promise<Offer[]>;
  /** Holds all lines or none. Throws Conflict `insufficient_stock` naming every short line. */
  hold(orderId: string, lines: readonly CartLine[]): Promise<void>;
  /** Sells what is held. Throws Conflict `reservation_released` if it was given back before. */
  commit(orderId: string, lines: readonly CartLine[]): Promise<void>;
  /** Gives back what is held. Throws Conflict `reservation_committed` if it was sold. */
  release(orderId: string, lines: readonly CartLine[]): Promise<void>;
  /** Gives back what is held or sold, once. */
  return(orderId: string, lines: readonly CartLine[]): Promise<void>;
  isAvailable(): boolean;
}

export function createProductClient(product: ServiceClient): ProductClient {
  async function reserve(
    method: 'PUT' | 'POST',
    orderId: string,
    step: string,
    lines: readonly CartLine[],
  ): Promise<void> {
    const answer = await product.call({
      method,
      path: `/internal/reservations/${orderId}${step}`,
      scope: 'reservations:write',
      body: { lines: lines.map(({ productId, quantity }) => ({ productId, quantity })) },
      idempotent: true,
      answers: { 200: Reservation, 409: Refusal },
    });
    if (answer.status === 200) return;
    const { code, detail, lines: short } = answer.body;
    throw new Conflict(code, detail, { extensions: short ? { lines: short } : {} });
  }

  return {
    async listOffers(ids) {
      const answer = await product.call({
        method: 'POST',
        path: '/internal/products/batch',
        scope: 'products:read',
        body: { ids },
        idempotent: true,
        answers: { 200: Offers },
      });
      return answer.body.data.map(({ id, sku, name, price }) => ({
        productId: id,
        sku,
        name,
        priceMinor: price.amount,
      }));
    },
    hold: (orderId, lines) => reserve('PUT', orderId, '', lines),
    commit: (orderId, lines) => reserve('POST', orderId, '/commit', lines),
    release: (orderId, lines) => reserve('POST', orderId, '/release', lines),
    return: (orderId, lines) => reserve('POST', orderId, '/return', lines),
    isAvailable: product.isAvailable,
  };
}
