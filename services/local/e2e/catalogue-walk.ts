import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodyOf, type Page, type ProductSummary } from '../src/shop-client.ts';
import { PRODUCTS, type RunningStore } from './running-store.ts';

/** The whole catalogue, page by page through Nginx, while people buy. */
export function catalogueWalk(running: () => RunningStore): void {
  for (const sort of ['-createdAt', 'price', '-price', 'name']) {
    test(`a walk over all ${PRODUCTS} products by ${sort} while others buy misses nothing and repeats nothing`, async () => {
      const { shop, newShopper } = running();
      const buying = new AbortController();
      const buyers = buyUntil(buying.signal);
      const seen: ProductSummary[] = [];
      let cursor: string | undefined;
      do {
        const page: Page<ProductSummary> = bodyOf(await shop.listProducts({ sort, limit: 100, cursor }), 200);
        seen.push(...page.data);
        cursor = page.page.nextCursor ?? undefined;
      } while (cursor !== undefined);
      buying.abort();
      await buyers;

      const ids = new Set(seen.map(({ id }) => id));
      assert.equal(ids.size, seen.length, 'a product was repeated');
      assert.ok(seen.filter(({ sku }) => !sku.startsWith('TST-')).length === PRODUCTS, `${seen.length} seen`);
      assertSorted(seen, sort);

      async function buyUntil(signal: AbortSignal): Promise<void> {
        const { data } = bodyOf(await shop.listProducts({ inStock: true, limit: 100 }), 200);
        for (let turn = 0; !signal.aborted; turn += 1) {
          const shopper = newShopper();
          const product = data[turn % data.length] as ProductSummary;
          const added = await shopper.addItem(product.id, 1);
          if (added.status === 201) await shopper.placeOrder(crypto.randomUUID());
        }
      }
    });
  }
}

function assertSorted(seen: readonly ProductSummary[], sort: string): void {
  if (!sort.endsWith('price')) return;
  const prices = seen.map(({ price }) => price.amount);
  const sorted = prices.toSorted((left, right) => (sort === 'price' ? left - right : right - left));
  assert.deepEqual(prices, sorted);
}
