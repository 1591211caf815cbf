import { check, fail } from 'k6';
import exec from 'k6/execution';
import { Counter } from 'k6/metrics';
import type { Options } from 'k6/options';
import { SCENARIOS, users } from './scenarios.ts';
import {
  countProducts,
  createProduct,
  listCategories,
  listProducts,
  type Session,
  signIn,
  viewCart,
  viewProduct,
} from './shop.ts';
import { buy, buyAtOnce, lookAround, pick, type Shop, shopperEmail, token } from './shopper.ts';

export { buy, lookAround, visit } from './shopper.ts';

interface Prepared extends Shop {
  readonly sale?: Sale;
}

interface Sale {
  readonly productId: string;
  /** One buyer's for each virtual user: signing in during the sale would measure only password hashing. */
  readonly tokens: readonly string[];
}

const name = __ENV.SCENARIO ?? 'smoke';
const scenario = SCENARIOS[name] ?? fail(`There is no scenario ${name}: ${Object.keys(SCENARIOS).join(', ')}.`);
const thresholds = JSON.parse(open('./thresholds.json')) as Record<string, string[]>;
const SHOPPER_PASSWORD = __ENV.SHOPPER_PASSWORD ?? '';
/** Units in the flash sale. */
const SALE_STOCK = 200;

/** Products seen by complete walks. */
const walked = new Counter('walked_products');

export const options: Options = {
  scenarios: { [name]: scenario.executor },
  // A class that a scenario never requests has no values to compare with its threshold.
  thresholds: {
    ...Object.fromEntries(
      Object.entries(thresholds).filter(([metric]) =>
        scenario.classes.some((one) => metric.endsWith(`{class:${one}}`)),
      ),
    ),
    checks: ['rate>=0.999'],
    ...scenario.thresholds,
  },
  summaryTrendStats: ['med', 'p(95)', 'p(99)', 'max'],
  setupTimeout: '120s',
};

/** Reads what the store has; ends the run with a sentence if something is missing. */
export function setup(): Prepared {
  const categories = listCategories();
  const pages = ['-createdAt', 'price', 'name'].map((sort) => listProducts(`inStock=true&limit=100&sort=${sort}`));
  const products = [...new Set(pages.flatMap(({ ids }) => ids))];
  if (products.length === 0) fail('Nothing is in stock: npm run seed creates products.');
  if (scenario.needsShoppers && !signIn(shopperEmail(1), SHOPPER_PASSWORD)) {
    fail('There are no shoppers: npm run seed -- --users 1000 creates them.');
  }
  if (name !== 'flash-sale') return { categories, products };
  const admin = signIn(__ENV.ADMIN_EMAIL ?? '', __ENV.ADMIN_PASSWORD ?? '');
  if (!admin) fail('The flash sale needs an admin: ADMIN_EMAIL and ADMIN_PASSWORD.');
  const productId = createProduct(admin.token, SALE_STOCK, pick(categories));
  const tokens = Array.from({ length: users }, (_, index) => signInBuyer(index).token);
  return { categories, products, sale: { productId, tokens } };
}

function signInBuyer(index: number): Session {
  return signIn(shopperEmail(index + 1), SHOPPER_PASSWORD) ?? fail(`Shopper ${index + 1} can't sign in.`);
}

/** Checks that a walk sees every product, none twice. */
export function walk(): void {
  const sort = ['-createdAt', 'price', '-price', 'name'][exec.scenario.iterationInTest % 4] as string;
  const seen = new Set<string>();
  let count = 0;
  let cursor: string | null = null;
  do {
    const page = listProducts(
      `limit=100&sort=${sort}${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    for (const id of page.ids) seen.add(id);
    count += page.ids.length;
    cursor = page.nextCursor;
  } while (cursor !== null);
  const all = countProducts();
  check(seen, { 'no product twice': ({ size }) => size === count, 'every product': ({ size }) => size === all });
  walked.add(count);
}

export function sale({ sale }: Prepared): void {
  const { productId, tokens } = sale ?? fail('There is no sale.');
  buyAtOnce(tokens[exec.vu.idInTest - 1] ?? fail('A buyer is missing.'), productId);
}

/** One of each request, for a store that was just started. */
export function everything(shop: Prepared): void {
  lookAround(shop);
  viewProduct(pick(shop.products));
  viewCart(token());
  buy(shop);
}
