import { randomBytes } from 'node:crypto';
import type { Database } from '#platform/cassandra/database.ts';
import type { Category } from '../../product/src/categories/category.ts';
import type { SeedProduct } from '../src/seed/product.ts';
import { createCatalogueWriter, productIdOf } from '../src/seed/writer.ts';

export interface TestProduct extends SeedProduct {
  readonly id: string;
}

/** Categories and products for a test, written like those of the seed: complete, with stock and listings. */
export interface TestCatalogue {
  /** Slugs from the root down, e.g. 'home/lighting/lamps'; creates the parents too. Names are the capitalized slugs. */
  addCategories(...paths: readonly string[]): Promise<Category[]>;
  /** Whatever isn't given is made up; a product without a category goes to `things`, which is created with it. */
  addProduct(facts?: Partial<SeedProduct>): Promise<TestProduct>;
  addProducts(facts: readonly Partial<SeedProduct>[]): Promise<TestProduct[]>;
}

/** `database` is the product keyspace, with an account that may write it. */
export function createTestCatalogue(database: Database, currency = 'USD'): TestCatalogue {
  const writer = createCatalogueWriter(database, currency);
  const known = new Set<string>();

  async function addCategories(...paths: readonly string[]): Promise<Category[]> {
    const categories = paths.flatMap((path) =>
      path.split('/').map((_, depth, slugs) => toCategory(slugs.slice(0, depth + 1))),
    );
    const fresh = categories.filter(
      ({ slug }, index) => categories.findIndex((other) => other.slug === slug) === index,
    );
    await writer.writeCategories(fresh);
    for (const { slug } of fresh) known.add(slug);
    return fresh;
  }

  async function addProducts(facts: readonly Partial<SeedProduct>[]): Promise<TestProduct[]> {
    const products = facts.map(toProduct);
    if (products.some(({ category }) => category === 'things') && !known.has('things')) await addCategories('things');
    await writer.writeProducts(products);
    return products.map((product) => ({ ...product, id: productIdOf(product.sku) }));
  }

  return {
    addCategories,
    addProducts,
    async addProduct(facts = {}) {
      const [product] = await addProducts([facts]);
      return product as TestProduct;
    },
  };
}

function toCategory(slugs: readonly string[]): Category {
  const slug = slugs.at(-1) as string;
  return { slug, name: slug.charAt(0).toUpperCase() + slug.slice(1), path: slugs.join('/'), version: 1 };
}

function toProduct(facts: Partial<SeedProduct>): SeedProduct {
  const sku = `TST-${randomBytes(8).toString('hex')}`;
  return {
    sku,
    name: `A thing ${sku}`,
    description: 'It is there to be tested.',
    brand: 'Testa',
    category: 'things',
    priceMinor: 1999,
    images: [`https://images.example/things/${sku}.jpg`],
    attributes: {},
    stock: 10,
    createdAt: new Date(Date.now() - 86_400_000),
    ...facts,
  };
}
