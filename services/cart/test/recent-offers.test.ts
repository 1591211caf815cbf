// Unit: how long an offer is remembered.
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { Offer } from '../src/carts/cart.ts';
import { createRecentOffers, type RecentOffers } from '../src/clients/recent-offers.ts';

const AGE = 1000;

let shop: Map<string, Offer>;
let calls: (readonly string[])[];
let clock: number;
let offers: RecentOffers;

const sell = (productId: string, priceMinor: number) =>
  shop.set(productId, {
    productId,
    sku: `SKU-${productId}`,
    name: 'Lamp',
    image: undefined,
    priceMinor,
    currency: 'USD',
    available: 10,
  });
const answer = (ids: readonly string[]) =>
  new Map(ids.flatMap((id) => (shop.has(id) ? [[id, shop.get(id) as Offer] as const] : [])));
const pricesIn = (shown: ReadonlyMap<string, Offer>) =>
  Object.fromEntries([...shown].map(([id, { priceMinor }]) => [id, priceMinor]));

const products = {
  async listOffers(ids: readonly string[]) {
    calls.push(ids);
    return answer(ids);
  },
};

beforeEach(() => {
  shop = new Map();
  calls = [];
  clock = 0;
  offers = createRecentOffers(products, AGE, () => clock);
  sell('lamp', 100);
  sell('chair', 200);
});

describe('recent offers', () => {
  it('are asked for again when they are a second old, and not before', async () => {
    await offers.listOffers(['lamp']);
    sell('lamp', 150);
    clock = AGE - 1;
    assert.deepEqual(pricesIn(await offers.listOffers(['lamp'])), { lamp: 100 });
    clock = AGE;
    assert.deepEqual(pricesIn(await offers.listOffers(['lamp'])), { lamp: 150 });
    assert.equal(calls.length, 2);
  });

  it('are asked for in one call, those alone that are not known', async () => {
    await offers.listOffers(['lamp']);
    assert.deepEqual(pricesIn(await offers.listOffers(['lamp', 'chair'])), { lamp: 100, chair: 200 });
    assert.deepEqual(calls, [['lamp'], ['chair']]);
  });

  it('know what is not sold too', async () => {
    await offers.listOffers(['vase']);
    assert.equal((await offers.listOffers(['vase'])).size, 0);
    assert.equal(calls.length, 1);
  });

  it('are not enough for what is decided by them: that is asked for each time, and remembered', async () => {
    await offers.listOffers(['lamp', 'chair']);
    sell('lamp', 150);
    sell('chair', 250);
    assert.deepEqual(pricesIn(await offers.listOffers(['lamp', 'chair'], 'lamp')), { lamp: 150, chair: 200 });
    assert.deepEqual(pricesIn(await offers.listOffers(['lamp'])), { lamp: 150 });
    assert.deepEqual(calls, [['lamp', 'chair'], ['lamp']]);
  });

  it('say that something is not sold any more as soon as that is known', async () => {
    await offers.listOffers(['lamp']);
    shop.delete('lamp');
    assert.equal((await offers.listOffers(['lamp'], 'lamp')).size, 0);
  });

  it('are as old as the question, however late the answer: one that was overtaken is not remembered', async () => {
    const answers: (() => void)[] = [];
    const slow = createRecentOffers(
      {
        listOffers: (ids) => {
          const said = answer(ids);
          const { promise, resolve } = Promise.withResolvers<typeof said>();
          answers.push(() => resolve(said));
          return promise;
        },
      },
      AGE,
      () => clock,
    );
    const first = slow.listOffers(['lamp']);
    sell('lamp', 150);
    clock = 10;
    const second = slow.listOffers(['lamp']);
    answers[1]?.();
    await second;
    answers[0]?.();
    await first;
    assert.deepEqual(pricesIn(await slow.listOffers(['lamp'])), { lamp: 150 });
    clock = AGE + 9;
    assert.deepEqual(pricesIn(await slow.listOffers(['lamp'])), { lamp: 150 });
    assert.equal(answers.length, 2);
  });

  it('with an age of 0 are always asked for', async () => {
    const never = createRecentOffers(products, 0, () => clock);
    await never.listOffers(['lamp']);
    await never.listOffers(['lamp']);
    assert.equal(calls.length, 2);
  });
});
