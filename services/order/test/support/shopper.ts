import { randomUUID } from 'node:crypto';
import supertest, { type Test } from 'supertest';
import type { CheckoutStores } from '../../../local/test-support/checkout-stores.ts';
import { userToken } from '../../../local/test-support/service-config.ts';

export const ADDRESS = { name: 'Ada', line1: '1 Street', city: 'London', postalCode: 'N1', country: 'GB' };

export interface PlaceOptions {
  readonly key?: string;
  readonly body?: object;
  /** An order service other than that of the stores. */
  readonly url?: string;
}

/** A signed-in user of the cart and order services. */
export interface Shopper {
  readonly userId: string;
  add(productId: string, quantity: number): Promise<void>;
  cart(): Promise<{ itemCount: number; items: { productId: string; quantity: number }[] }>;
  place(options?: PlaceOptions): Test;
  get(path: string): Test;
  cancel(orderId: string): Test;
  /** For admins. */
  transition(orderId: string, to: string, reason?: string): Test;
}

export function newShopper(stores: CheckoutStores, role: 'user' | 'admin' = 'user'): Shopper {
  const userId = randomUUID();
  const authorization = `Bearer ${userToken({ userId, role })}`;
  const { cart, order } = stores.urls;
  return {
    userId,

    async add(productId, quantity) {
      await supertest(cart).post('/api/v1/cart/items').set({ authorization }).send({ productId, quantity }).expect(201);
    },

    async cart() {
      return (await supertest(cart).get('/api/v1/cart').set({ authorization }).expect(200)).body;
    },

    place: ({ key = randomUUID(), body = { shippingAddress: ADDRESS }, url = order } = {}) =>
      supertest(url).post('/api/v1/orders').set({ authorization, 'idempotency-key': key }).send(body),

    get: (path) => supertest(order).get(path).set({ authorization }),
    cancel: (orderId) => supertest(order).post(`/api/v1/orders/${orderId}/cancellation`).set({ authorization }),
    transition: (orderId, to, reason) =>
      supertest(order).post(`/api/v1/orders/${orderId}/transitions`).set({ authorization }).send({ to, reason }),
  };
}
