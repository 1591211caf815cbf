import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  type CheckoutStores,
  type RunningService,
  startCheckoutStores,
} from '../../local/test-support/checkout-stores.ts';
import { eventually } from '../../local/test-support/eventually.ts';
import { newShopper } from './support/shopper.ts';
import { type SlowProxy, startSlowProxy } from './support/slow-proxy.ts';

/** By then recovery must have done what was left to it. */
const RECOVERED_WITHIN_MS = 30_000;

let stores: CheckoutStores;
let cart: SlowProxy;
/** The only order service whose workers run; it reaches cart through the proxy. */
let order: RunningService;

before(async () => {
  stores = await startCheckoutStores();
  cart = await startSlowProxy(stores.urls.cart);
  order = await stores.startDying('order', undefined, { cart: cart.url });
  order.service.start();
});

after(async () => {
  await stores.stop();
  await cart.close();
});

test('a process that lives on recovers what it could not finish, and leaves alone what it has finished', async () => {
  const [scarce, plenty] = [await stores.createProduct(1), await stores.createProduct(5)];
  const [served, refused] = [newShopper(stores), newShopper(stores)];
  await refused.add(scarce, 1);
  await served.add(scarce, 1);
  await served.add(plenty, 1);
  await served.place({ url: order.url }).expect(201);
  cart.refuses = /restore$/;
  const answer = await refused.place({ url: order.url });
  cart.refuses = undefined;
  assert.equal(answer.status, 409, answer.text);
  assert.equal((await refused.cart()).itemCount, 0);

  const effects = order.platform?.effects ?? [];
  const before = effects.length;
  await eventually(
    () => refused.cart(),
    ({ itemCount }) => itemCount > 0,
    RECOVERED_WITHIN_MS,
  );
  const recovery = effects.slice(before);
  const of = (name: RegExp) => recovery.filter((effect) => name.test(effect)).length;
  assert.equal(of(/restore$/), of(/^order\.find$/), 'recovery looked at an order that had nothing left to do');
  assert.equal(of(/^order\.project$/), 0, 'an order was listed again');
});
