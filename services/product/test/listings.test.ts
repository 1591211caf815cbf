import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import request from 'supertest';
import { createDraws } from '../../local/src/seed/random.ts';
import type { TestProduct } from '../../local/test-support/catalogue.ts';
import { SORTS, type Sort, toNameKey } from '../src/listings/listing.ts';
import { openShop, queriesOf, type Shop } from './support/shop.ts';

const LIST = '/api/v1/products';
const PATHS = ['a/a-one/a-one-left', 'a/a-one/a-one-right', 'a/a-two', 'b/b-one'];
const LEAVES = PATHS.map((path) => path.split('/').at(-1) as string);
const BRANDS = ['Acme', 'acme', "O'Brien & Søn", 'Zeta'];

interface Query {
  category?: string;
  brand?: string;
  minPrice?: number;
  maxPrice?: number;
  inStock?: boolean;
}
interface Item {
  id: string;
  [field: string]: unknown;
}

let shop: Shop;
let products: TestProduct[];

before(async () => {
  shop = await openShop({ categories: PATHS });
  products = await shop.catalogue.addProducts(Array.from({ length: 600 }, (_, index) => manyTies(index)));
});

after(() => shop.close());

/** Few different prices, names, times and brands, so that every order has long runs of equal keys. */
function manyTies(index: number) {
  const draws = createDraws(7, index);
  const long = 'a name so long that its end, which differs, is beyond what the order looks at: ';
  return {
    sku: `TIE-${String(index).padStart(4, '0')}`,
    name: draws.pick([
      'Lamp',
      'lamp',
      'LAMP 2',
      'Éclair',
      'Zebra',
      'ﬁne lamp',
      `${long}${draws.integer(3)}`,
      `Thing ${index}`,
      '10',
      '9',
    ]),
    brand: draws.pick(BRANDS),
    category: draws.pick(LEAVES),
    priceMinor: draws.pick([0, 99, 100, 101, 5000, 5000, 5000, 99_999_999_999, 200 + draws.integer(50)]),
    stock: draws.integer(4) === 0 ? 0 : 1 + draws.integer(9),
    createdAt: new Date(Date.UTC(2025, 0, 1) + draws.integer(40) * 1000),
  };
}

/** The expected list: the rules of the contract applied to plain objects. */
function expected(
  all: readonly TestProduct[],
  { category, brand, minPrice, maxPrice, inStock }: Query,
  sort: Sort,
): string[] {
  const key = (product: TestProduct): [Buffer, string] => {
    const number = (value: number) => Buffer.from(String(value).padStart(20, '0'));
    if (sort === 'name') return [Buffer.from(toNameKey(product.name)), product.id];
    return [number(sort === '-createdAt' ? product.createdAt.getTime() : product.priceMinor), product.id];
  };
  const within = (product: TestProduct) => PATHS.find((path) => path.endsWith(product.category))?.split('/') ?? [];
  const sorted = all
    .filter((product) => category === undefined || within(product).includes(category))
    .filter((product) => brand === undefined || product.brand === brand)
    .filter(({ priceMinor }) => priceMinor >= (minPrice ?? 0) && priceMinor <= (maxPrice ?? Number.POSITIVE_INFINITY))
    .filter(({ stock }) => inStock === undefined || stock > 0 === inStock)
    .map((product) => ({ id: product.id, key: key(product) }))
    .sort((left, right) => left.key[0].compare(right.key[0]) || (left.key[1] < right.key[1] ? -1 : 1))
    .map(({ id }) => id);
  return sort.startsWith('-') ? sorted.reverse() : sorted;
}

interface Page {
  data: Item[];
  page: { limit: number; nextCursor: string | null };
}

async function getPage(query: Record<string, unknown>): Promise<Page> {
  const { body, headers } = await request(shop.service.app).get(LIST).query(query).expect(200);
  const next = /^<(.+)>; rel="next"$/.exec(headers.link ?? '')?.[1];
  assert.equal(next === undefined, body.page.nextCursor === null, 'Link names the next page, where there is one');
  if (next) assert.equal(new URL(next, 'http://x').searchParams.get('cursor'), body.page.nextCursor);
  return body;
}

/** All pages, following the cursors to their end. */
async function walk(
  query: Record<string, unknown>,
  betweenPages: (page: Page) => Promise<void> = async () => {},
): Promise<Item[]> {
  const found: Item[] = [];
  let cursor: string | undefined;
  for (let pages = 1; ; pages += 1) {
    const page = await getPage({ ...query, ...(cursor !== undefined && { cursor }) });
    assert.ok(page.data.length <= page.page.limit);
    found.push(...page.data);
    if (page.page.nextCursor === null) return found;
    cursor = page.page.nextCursor;
    assert.ok(pages < 2000, 'the walk comes to an end');
    await betweenPages(page);
  }
}

const ids = (items: readonly Item[]) => items.map(({ id }) => id);

describe('a list has exactly what its filters and its sort say', () => {
  const categories = [undefined, 'a', 'a-one', 'b-one'];
  const brands = [undefined, 'Acme', "O'Brien & Søn"];
  const prices = [
    {},
    { minPrice: 100 },
    { maxPrice: 5000 },
    { minPrice: 100, maxPrice: 5000 },
    { minPrice: 5000, maxPrice: 100 },
  ];
  const stocks = [undefined, true, false];

  for (const sort of SORTS) {
    test(`sort ${sort}, with every filter`, { timeout: 180_000 }, async () => {
      for (const category of categories) {
        for (const brand of brands) {
          for (const price of prices) {
            for (const inStock of stocks) {
              const filter = {
                ...(category && { category }),
                ...(brand && { brand }),
                ...price,
                ...(inStock !== undefined && { inStock }),
              };
              const found = ids(await walk({ ...filter, sort, limit: 100 }));
              assert.deepEqual(found, expected(products, filter, sort), JSON.stringify(filter));
            }
          }
        }
      }
    });
  }

  test('pages of any size make the same walk', { timeout: 180_000 }, async () => {
    for (const sort of SORTS) {
      for (const limit of [1, 3, 7, 20, 33, 99]) {
        const filter =
          limit < 7 ? { category: 'b-one', maxPrice: 240 } : limit === 20 ? { brand: 'acme', inStock: true } : {};
        assert.deepEqual(
          ids(await walk({ ...filter, sort, limit })),
          expected(products, filter, sort),
          `${sort} by ${limit}`,
        );
      }
    }
  });

  test('an unknown category or brand is an empty list', async () => {
    for (const query of [
      { category: 'nowhere' },
      { category: 'all' },
      { brand: 'Nobody' },
      { brand: 'ACME', sort: '-price' },
    ]) {
      assert.deepEqual(await walk(query), []);
    }
  });
});

test('a summary has the fields of the contract, and no others', async () => {
  const product = products[0] as TestProduct;
  const found = (await walk({ limit: 100 })).find(({ id }) => id === product.id);
  assert.deepEqual(found, {
    id: product.id,
    sku: product.sku,
    name: product.name,
    brand: product.brand,
    category: { slug: product.category, name: product.category.charAt(0).toUpperCase() + product.category.slice(1) },
    price: { amount: product.priceMinor, currency: 'USD' },
    images: product.images,
    stock: { inStock: product.stock > 0 },
    createdAt: product.createdAt.toISOString(),
  });
});

describe('the parameters', () => {
  const get = (query: string) => request(shop.service.app).get(`${LIST}?${query}`);

  test('limit: 20 by default, 100 at most', async () => {
    for (const [query, limit] of [
      ['', 20],
      ['limit=1', 1],
      ['limit=100', 100],
      ['limit=101', 100],
      ['limit=99999999999999999999', 100],
    ] as const) {
      const { body } = await get(query).expect(200);
      assert.equal(body.page.limit, limit);
      assert.equal(body.data.length, limit);
    }
  });

  const refused = [
    ...['limit=0', 'limit=-1', 'limit=x', 'limit=1.5', 'limit=', 'limit=1e2', 'limit=%2B5', 'limit=5&limit=6'].map(
      (query) => [query, '/limit'] as const,
    ),
    ['sort=newest', '/sort'],
    ['sort=price&sort=name', '/sort'],
    ['minPrice=-1', '/minPrice'],
    ['maxPrice=1.5', '/maxPrice'],
    ['maxPrice=9999999999999999', '/maxPrice'],
    ['inStock=yes', '/inStock'],
    ['inStock=', '/inStock'],
    ['brand=', '/brand'],
    [`brand=${'x'.repeat(101)}`, '/brand'],
    ['category=Not%20a%20slug', '/category'],
    ['category=a&category=b', '/category'],
    ['q=lamp', '/q'],
    ['page=2', '/page'],
    ['limit%5B%5D=5', '/limit[]'],
    ['__proto__=1', '/__proto__'],
  ] as const;
  for (const [query, pointer] of refused) {
    test(`${query.slice(0, 40)} is 400 and named`, async () => {
      const { body, headers } = await get(query).expect(400);
      assert.equal(headers['content-type'], 'application/problem+json');
      assert.equal(body.code, 'validation_failed');
      assert.deepEqual(
        body.errors.map((error: { pointer: string }) => error.pointer),
        [pointer],
      );
    });
  }

  test('a cursor that was changed anywhere, shortened, lengthened or made up is invalid_cursor', {
    timeout: 60_000,
  }, async () => {
    const { page } = await getPage({ limit: 5, sort: 'price' });
    const cursor = page.nextCursor as string;
    const other = (character: string) => (character === 'A' ? 'B' : 'A');
    const next = (character: string) =>
      String.fromCharCode(character.charCodeAt(0) + (/[yzYZ9_-]/.test(character) ? -1 : 1));
    const changed = [...cursor].flatMap((character, at) =>
      [other(character), next(character)].map((each) => cursor.slice(0, at) + each + cursor.slice(at + 1)),
    );
    const garbage = [
      '',
      'x',
      '.',
      'a.b',
      'e30.AAAAAAAAAAAAAAAAAAAAAA',
      `${cursor}A`,
      `${cursor}=`,
      `${cursor}!`,
      `${cursor}.`,
      `.${cursor}`,
      cursor.slice(0, -1),
      `${cursor} `,
      cursor.repeat(2),
      'x'.repeat(2000),
    ];
    for (const each of [...changed.filter((each) => each !== cursor), ...garbage]) {
      const { status, body } = await request(shop.service.app)
        .get(LIST)
        .query({ limit: 5, sort: 'price', cursor: each });
      assert.equal(`${status} ${body.code}`, '400 invalid_cursor', JSON.stringify(each));
    }
  });

  test('a cursor is valid only for its own filter and sort, whatever the limit', async () => {
    const { page } = await getPage({ sort: 'price', category: 'a', limit: 3 });
    const cursor = page.nextCursor;
    const foreign = [
      { sort: '-price', category: 'a' },
      { category: 'a' },
      { sort: 'price' },
      { sort: 'price', category: 'a-one' },
      { sort: 'price', category: 'a', inStock: true },
      { sort: 'price', category: 'a', minPrice: 0 },
    ];
    for (const query of foreign) {
      const { body } = await request(shop.service.app)
        .get(LIST)
        .query({ ...query, cursor })
        .expect(400);
      assert.equal(body.code, 'invalid_cursor', JSON.stringify(query));
    }
    const { data } = await getPage({ sort: 'price', category: 'a', limit: 50, cursor });
    assert.deepEqual(ids(data), expected(products, { category: 'a' }, 'price').slice(3, 53));
  });

  test('an over-long cursor is 400', async () => {
    await get(`cursor=${'x'.repeat(3000)}`).expect(400);
  });
});

describe('a page is one query', () => {
  for (const sort of SORTS) {
    test(`sorted by ${sort}, at the start and after a cursor`, async () => {
      const { page } = await getPage({ sort });
      const queries = [{ sort }, { sort, cursor: page.nextCursor }, { sort, category: 'a-one', limit: 100 }];
      for (const query of queries) {
        assert.deepEqual(await queriesOf(shop.service, () => getPage(query)), { [`listing.${sort}`]: 1 });
      }
    });
  }

  for (const [query, sort] of [
    [{ brand: 'Acme' }, '-createdAt'],
    [{ brand: 'Acme', category: 'a', sort: 'price', minPrice: 99, maxPrice: 5000 }, 'price'],
    [{ brand: 'Acme', sort: 'name' }, 'name'],
    [{ sort: '-price', minPrice: 100, maxPrice: 5000 }, '-price'],
    [{ inStock: true }, '-createdAt'],
  ] as const) {
    test(`with ${JSON.stringify(query)}`, async () => {
      assert.deepEqual(await queriesOf(shop.service, () => getPage(query)), { [`listing.${sort}`]: 1 });
    });
  }

  test('with filters that hardly anything matches it is at most four, and the walk goes on', async () => {
    const queries = await queriesOf(shop.service, () =>
      getPage({ brand: 'Zeta', inStock: false, maxPrice: 99, sort: '-price' }),
    );
    assert.ok((queries['listing.-price'] ?? 0) <= 4);
  });
});
