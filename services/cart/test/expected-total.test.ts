// Integration: the total of a cart is the one that an order expects. Cart, product and order service are real.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import request from 'supertest';
import { type CheckoutStores, startCheckoutStores, UNIT_PRICE } from '../../local/test-support/checkout-stores.ts';
import { userToken } from '../../local/test-support/service-config.ts';

const shippingAddress = { name: 'Ada', line1: '1 Street', city: 'London', postalCode: 'N1', country: 'GB' };

let stores: CheckoutStores;
before(async () => {
  stores = await startCheckoutStores();
});
after(() => stores.stop());

it('with a product sold out since, the order is refused for its stock, not for the total', async () => {
  const [lamp, chair] = [await stores.createProduct(1), await stores.createProduct(5)];
  const [ann, bob] = [shopper(), shopper()];
  for (const productId of [lamp, chair]) await ann.add(productId);
  await bob.add(lamp);
  await bob.place((await bob.getCart()).body.total).expect(201);

  const { body: cart } = await ann.getCart();
  assert.deepEqual(cart.warnings, [{ code: 'unavailable', productId: lamp }]);
  assert.deepEqual(cart.total, { amount: 2 * UNIT_PRICE, currency: 'USD' });
  const refused = await ann.place(cart.total).expect(409);
  assert.equal(refused.body.code, 'insufficient_stock');
});

function shopper() {
  const authorization = `Bearer ${userToken({ userId: crypto.randomUUID() })}`;
  const { cart, order } = stores.urls;
  return {
    add: (productId: string) =>
      request(cart).post('/api/v1/cart/items').set({ authorization }).send({ productId, quantity: 1 }).expect(201),
    getCart: () => request(cart).get('/api/v1/cart').set({ authorization }).expect(200),
    place: (expectedTotal: object) =>
      request(order)
        .post('/api/v1/orders')
        .set({ authorization, 'idempotency-key': crypto.randomUUID() })
        .send({ shippingAddress, expectedTotal }),
  };
}
