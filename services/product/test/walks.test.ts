import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import request from 'supertest';
import { createDraws } from '../../local/src/seed/random.ts';
import type { TestProduct } from '../../local/test-support/catalogue.ts';
import { type Position, SORTS, type Summary } from '../src/listings/listing.ts';
import type { ListingRepository } from '../src/listings/repository.ts';
import { createListingService } from '../src/listings/service.ts';
import { openShop, type Shop } from './support/shop.ts';

const IN_A = ['a-left', 'a-right'];
const CATEGORIES = ['a/a-left', 'a/a-right', 'b'];
const SIZE = 240;

/** What was done to a product during the walk. */
interface Touches {
  price: boolean;
  name: boolean;
  leftA: boolean;
  deleted: boolean;
}

let shop: Shop;

before(async () => {
  shop = await openShop({ categories: CATEGORIES });
});

after(() => shop.close());

for (const sort of SORTS) {
  for (const category of [undefined, 'a']) {
    test(`a walk by ${sort}${category ? ' in a category' : ''} while others change products misses and repeats nothing`, {
      timeout: 120_000,
    }, async () => {
      const draws = createDraws(SORTS.indexOf(sort), category ? 1 : 0);
      const brand = `Walk ${sort} ${category}`;
      const make = (count: number, createdAt?: Date) =>
        shop.catalogue.addProducts(
          Array.from({ length: count }, () => ({
            name: `Lamp ${draws.integer(60)}`,
            brand,
            category: draws.pick(['a-left', 'a-right', 'b']),
            priceMinor: draws.integer(60) * 100,
            ...(createdAt && { createdAt }),
          })),
        );
      const products = await make(SIZE);
      const touches = new Map<string, Touches>(
        products.map(({ id }) => [id, { price: false, name: false, leftA: false, deleted: false }]),
      );

      async function changeOne(): Promise<void> {
        const product = draws.pick(products);
        const touched = touches.get(product.id) as Touches;
        const kind = draws.integer(5);
        if (kind <= 1) {
          touched.price = true;
          await shop.change(product.id, { priceMinor: draws.integer(60) * 100 });
        } else if (kind === 2) {
          touched.name = true;
          await shop.change(product.id, { name: `Lamp ${draws.integer(60)}` });
        } else if (kind === 3) {
          const to = draws.pick(['a-left', 'a-right', 'b']);
          if (to === 'b') touched.leftA = true;
          await shop.change(product.id, { category: to });
        } else {
          touched.deleted = true;
          await shop.change(product.id, { deleted: true });
        }
      }

      const found: string[] = [];
      let cursor: string | null = null;
      let created: TestProduct[] = [];
      do {
        const query: Record<string, unknown> = {
          sort,
          limit: 11,
          brand,
          ...(category && { category }),
          ...(cursor !== null && { cursor }),
        };
        const page: request.Test = request(shop.service.app).get('/api/v1/products').query(query).expect(200);
        // The walk begins with its first page: whatever happens after that happens during it, also while a page is read.
        const [answer] = await Promise.all([page, ...(cursor === null ? [] : [changeOne(), changeOne()])]);
        const body: { data: { id: string }[]; page: { nextCursor: string | null } } = answer.body;
        found.push(...body.data.map(({ id }) => id));
        cursor = body.page.nextCursor;
        for (let change = 0; change < 4; change += 1) await changeOne();
        if (created.length < 20) created = [...created, ...(await make(2, new Date()))];
      } while (cursor !== null);

      assert.equal(new Set(found).size, found.length, 'nothing twice');
      const hasMoved = ({ price, name }: Touches) => (sort === 'name' ? name : sort === '-createdAt' ? false : price);
      const steady = products.filter((product) => {
        const touched = touches.get(product.id) as Touches;
        const isInside = category === undefined || (IN_A.includes(product.category) && !touched.leftA);
        return isInside && !touched.deleted && !hasMoved(touched);
      });
      assert.ok(steady.length > 40, `${steady.length} products stood still`);
      const missed = steady.filter(({ id }) => !found.includes(id));
      assert.deepEqual(
        missed.map(({ id }) => ({ id, ...touches.get(id) })),
        [],
        'nothing missed',
      );
      assert.ok(
        [...touches.values()].some(({ deleted }) => deleted) &&
          [...touches.values()].some(hasMoved) === (sort !== '-createdAt'),
      );
    });
  }
}

test('a product that moves while one page is read in several steps is on it once', async () => {
  const row = (id: string, sortKey: number, placedAt: number, inStock: boolean) =>
    ({ id, sortKey, placedAt: new Date(placedAt), inStock }) as Summary;
  const steps = [
    [
      row('moving', 1, 1, true),
      row('b', 2, 1, false),
      row('c', 3, 1, false),
      row('d', 4, 1, false),
      row('e', 5, 1, false),
    ],
    [row('moving', 6, 11, true), row('f', 7, 1, true)],
  ];
  const listSummaries = async (_slice: unknown, _limit: number, after: Position | undefined) =>
    steps[after ? 1 : 0] ?? [];
  const repository = { listSummaries } as unknown as ListingRepository;
  const { listProducts } = createListingService({ repository, now: () => 10 });
  const { summaries } = await listProducts({ filter: { inStock: true }, sort: 'price', limit: 2, after: undefined });
  assert.deepEqual(
    summaries.map(({ id }) => id),
    ['moving', 'f'],
  );
});

test('a name that is cut within a character keeps its place when the product changes', async () => {
  const brand = 'Cut within';
  const [product] = await shop.catalogue.addProducts([{ name: `${'a'.repeat(63)}😀 lamp`, brand, category: 'b' }]);
  assert.ok(product);
  await shop.change(product.id, { priceMinor: 1 });
  const { body } = await request(shop.service.app).get('/api/v1/products').query({ sort: 'name', brand }).expect(200);
  assert.deepEqual(
    body.data.map(({ id }: { id: string }) => id),
    [product.id],
  );
});
