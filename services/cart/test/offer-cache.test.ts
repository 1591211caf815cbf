// Unit: when a cached offer may be shown, and for how long.
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { Offer } from '../src/carts/cart.ts';
import { createOfferCache, type OfferCache } from '../src/clients/offer-cache.ts';

const MAX_AGE_MS = 1000;

let shop: Map<string, Offer>;
let calls: (readonly string[])[];
let clock: number;
let busy: boolean;
let cache: OfferCache;

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
const pricesIn = (offers: ReadonlyMap<string, Offer>) =>
  Object.fromEntries([...offers].map(([id, { priceMinor }]) => [id, priceMinor]));

const products = {
  async listOffers(ids: readonly string[]) {
    if (ids.length > 0) calls.push(ids);
    return answer(ids);
  },
};

beforeEach(() => {
  shop = new Map();
  calls = [];
  clock = 0;
  busy = false;
  cache = createOfferCache(
    products,
    () => !busy,
    () => clock,
  );
  sell('lamp', 100);
  sell('chair', 200);
});

describe('offers in a quiet store', () => {
  it('are asked for each time, in one call', async () => {
    await cache.listOffers(['lamp', 'chair']);
    sell('lamp', 150);
    assert.deepEqual(pricesIn(await cache.listOffers(['lamp', 'chair'], 'lamp')), { lamp: 150, chair: 200 });
    assert.deepEqual(calls, [
      ['lamp', 'chair'],
      ['lamp', 'chair'],
    ]);
  });

  it('of no products cost nothing', async () => {
    const never = createOfferCache(products, () => assert.fail());
    assert.equal((await never.listOffers([])).size, 0);
  });
});

describe('offers in a busy store', () => {
  it('are up to a second old, counted from the request', async () => {
    await cache.listOffers(['lamp']);
    sell('lamp', 150);
    busy = true;
    clock = MAX_AGE_MS - 1;
    assert.deepEqual(pricesIn(await cache.listOffers(['lamp'])), { lamp: 100 });
    clock = MAX_AGE_MS;
    assert.deepEqual(pricesIn(await cache.listOffers(['lamp'])), { lamp: 150 });
    assert.equal(calls.length, 2);
  });

  it('are asked for in one call where they are not known, and not otherwise', async () => {
    await cache.listOffers(['lamp']);
    busy = true;
    assert.deepEqual(pricesIn(await cache.listOffers(['lamp', 'chair', 'vase'])), { lamp: 100, chair: 200 });
    assert.deepEqual(calls, [['lamp'], ['chair', 'vase']]);
    await cache.listOffers(['lamp', 'chair', 'vase']);
    assert.equal(calls.length, 2);
  });

  it('are fresh where that is required, and then cached', async () => {
    await cache.listOffers(['lamp', 'chair']);
    busy = true;
    sell('lamp', 150);
    sell('chair', 250);
    assert.deepEqual(pricesIn(await cache.listOffers(['lamp', 'chair'], 'lamp')), { lamp: 150, chair: 200 });
    assert.deepEqual(pricesIn(await cache.listOffers(['lamp'])), { lamp: 150 });
    assert.deepEqual(calls, [['lamp', 'chair'], ['lamp']]);
  });

  it('are absent as soon as a fresh answer says that the product is no longer sold', async () => {
    await cache.listOffers(['lamp']);
    busy = true;
    shop.delete('lamp');
    assert.equal((await cache.listOffers(['lamp'], 'lamp')).size, 0);
    assert.equal((await cache.listOffers(['lamp'])).size, 0);
  });

  it('are never those of an answer overtaken by that to a later request', async () => {
    const answers: (() => void)[] = [];
    const slow = createOfferCache(
      {
        listOffers: (ids) => {
          const said = answer(ids);
          if (ids.length === 0) return Promise.resolve(said);
          const { promise, resolve } = Promise.withResolvers<typeof said>();
          answers.push(() => resolve(said));
          return promise;
        },
      },
      () => !busy,
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
    busy = true;
    assert.deepEqual(pricesIn(await slow.listOffers(['lamp'])), { lamp: 150 });
    clock = MAX_AGE_MS + 9;
    assert.deepEqual(pricesIn(await slow.listOffers(['lamp'])), { lamp: 150 });
    assert.equal(answers.length, 2);
  });
});
