import type { Page, ProductSummary } from '../src/shop-client.ts';
import type { Store } from '../src/store.ts';
import { type Contestant, measure, median } from './comparison.ts';
import { LIST, pidsOf, read } from './comparisons.ts';
import { readsOf } from './loads.ts';

/** µs of processor time that one read takes, in the service and the database together, by kind of read. */
export type ReadCosts = Readonly<Record<'list' | 'product', number>>;

const SORTS = ['-createdAt', 'price', '-price', 'name'];
const CATEGORIES = 25;

interface Category {
  readonly slug: string;
  readonly children: readonly Category[];
}

/** The cost of lists and products from all over the catalogue at its present size: the median of `rounds`, not counting the first. */
export async function measureReads(
  store: Store,
  { folder, rounds, seconds, database }: { folder: string; rounds: number; seconds: number; database: number },
): Promise<ReadCosts> {
  const { lists, products } = await listPlaces(store.baseUrl);
  const [service] = store.urls.product as readonly [string];
  const costs = async (paths: readonly string[]) => {
    const contestant: Contestant = {
      load: await readsOf(
        service,
        paths.map((path) => ({ path })),
        folder,
      ),
      processes: pidsOf(store, 'product'),
    };
    const samples: number[] = [];
    for (let round = 0; round <= rounds; round += 1) {
      const { processorTime, databaseTime } = await measure(contestant, seconds, database);
      samples.push(processorTime + databaseTime);
    }
    return median(samples.slice(1));
  };
  return { list: await costs(lists), product: await costs(products) };
}

/** URLs of lists in every order, of the whole catalogue and of categories, and of the products at their start. */
async function listPlaces(baseUrl: string): Promise<{ lists: string[]; products: string[] }> {
  const { data } = JSON.parse(await read(baseUrl, '/api/v1/categories')) as { data: Category[] };
  const slugs = (categories: readonly Category[]): string[] =>
    categories.flatMap(({ slug, children }) => [slug, ...slugs(children)]);
  const places = [
    '',
    ...slugs(data)
      .slice(0, CATEGORIES)
      .map((slug) => `&category=${slug}`),
  ];
  const lists = places.flatMap((place) => SORTS.map((sort) => `${LIST}?limit=20&sort=${sort}${place}`));
  const pages = await Promise.all(
    lists.map(async (list) => JSON.parse(await read(baseUrl, list)) as Page<ProductSummary>),
  );
  const ids = new Set(pages.flatMap((page) => page.data.map(({ id }) => id)));
  return { lists, products: [...ids].map((id) => `${LIST}/${id}`) };
}
