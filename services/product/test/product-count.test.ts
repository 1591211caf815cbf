import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import request from 'supertest';
import { createProductCount } from '../src/listings/product-count.ts';
import { createListingRepository } from '../src/listings/repository.ts';
import { openShop, type Shop } from './support/shop.ts';

/** More than one read returns, and no multiple of it. */
const MANY = 2345;

describe('the number of products', () => {
  let shop: Shop;

  before(async () => {
    shop = await openShop({ categories: ['home/lamps', 'things'] });
  });
  after(() => shop.close());

  test('is that of the lists, however many there are: each counts once, deleted ones don’t', async () => {
    const { body: none } = await request(shop.service.app).get('/front-page.json').expect(200);
    assert.deepEqual([none.products, Math.abs(Date.now() - Date.parse(none.countedAt)) < 10_000], [0, true]);
    const createdAt = new Date('2026-01-01T00:00:00Z');
    const facts = Array.from({ length: MANY }, (_, index) => ({
      category: index % 2 === 0 ? 'lamps' : 'things',
      // Many at the same moment, so that their ids decide where one read ends and the next begins.
      createdAt: new Date(createdAt.getTime() + Math.floor(index / 700)),
    }));
    const [first] = await shop.catalogue.addProducts(facts);
    await shop.change(first?.id as string, { deleted: true });
    const { countProducts } = createListingRepository(shop.database);
    assert.equal(await countProducts(), MANY - 1);
  });
});

describe('counting', () => {
  const openCounter = () => {
    const clock = { now: 1_000_000, countMs: 10 };
    const seen = { counts: 0 };
    const countProducts = async () => {
      seen.counts += 1;
      const products = seen.counts;
      await Promise.resolve();
      clock.now += clock.countMs;
      return products;
    };
    return { clock, seen, repository: { countProducts } };
  };

  test('is done once for all concurrent requests, and again after two seconds', async () => {
    const { clock, repository } = openCounter();
    const ask = createProductCount({ repository, now: () => clock.now });
    const counts = await Promise.all([ask(), ask(), ask()]);
    assert.deepEqual(counts, Array(3).fill({ products: 1, countedAt: new Date(1_000_000) }));
    clock.now += 1999;
    assert.equal((await ask()).products, 1);
    clock.now += 1;
    assert.equal((await ask()).products, 2);
  });

  test('takes a sixth of the time in a shop where a count takes long', async () => {
    const { clock, repository } = openCounter();
    const ask = createProductCount({ repository, now: () => clock.now });
    clock.countMs = 4000;
    await ask();
    clock.now += 19_999;
    assert.equal((await ask()).products, 1);
    clock.now += 1;
    assert.equal((await ask()).products, 2);
  });

  test('that fails is an error for those who waited, and is retried for the next request', async () => {
    const { clock, seen, repository } = openCounter();
    let isBroken = true;
    const ask = createProductCount({
      repository: { countProducts: () => (isBroken ? Promise.reject(new Error('no')) : repository.countProducts()) },
      now: () => clock.now,
    });
    await assert.rejects(ask(), /no/);
    isBroken = false;
    assert.equal((await ask()).products, 1);
    assert.equal(seen.counts, 1);
  });
});
