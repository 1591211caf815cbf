import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../test-support/eventually.ts';
import { createOrderBook } from './order-book.ts';
import { type RunningStore, violationsOf } from './running-store.ts';

/** Shoppers who order while something is killed, and afterwards check what became of their orders. */
const SHOPPERS = 12;
const KILLS = 4;
/** ms for everything to be decided after the last fault. */
const SETTLED_WITHIN = 60_000;

type Victim = 'order' | 'product' | 'cart' | 'cassandra';

/** kill -9 at random moments under load: nothing that was acknowledged may be missing. */
export function faults(running: () => RunningStore): void {
  for (const victim of ['order', 'product', 'cart', 'cassandra'] as const) {
    test(`kill -9 of ${victim} under load loses no acknowledged order, and every order is decided`, async (context) => {
      const { store, catalogue, journal } = running();
      const products = await catalogue.addProducts(Array.from({ length: 5 }, () => ({ stock: 60 })));
      const book = createOrderBook(journal);
      const stopping = new AbortController();
      const shoppers = Array.from({ length: SHOPPERS }, () => shopUntil(stopping.signal));
      try {
        const kills = victim === 'cassandra' ? 1 : KILLS;
        for (let kill = 0; kill < kills; kill += 1) {
          await sleep(500 + Math.random() * 1500);
          await killAndAwait(victim);
        }
        await sleep(1000);
      } finally {
        stopping.abort();
        await Promise.all(shoppers);
      }

      const statuses = await book.settle(SETTLED_WITHIN);
      const confirmed = statuses.filter((status) => status !== 'rejected').length;
      context.diagnostic(`${statuses.length} orders requested, ${confirmed} confirmed`);
      assert.ok(confirmed > 0, 'no order came through');
      assert.deepEqual(await eventually(audit, (violations) => violations.length === 0, SETTLED_WITHIN), []);

      async function shopUntil(signal: AbortSignal): Promise<void> {
        while (!signal.aborted) {
          const shopper = running().newShopper();
          const product = products[Math.floor(Math.random() * products.length)];
          const added = await shopper.addItem(product?.id as string, 1).catch(() => undefined);
          const placed = added?.status === 201 ? await book.place(shopper) : undefined;
          if (!placed || placed.status >= 300) await sleep(50);
        }
      }

      async function killAndAwait(name: Victim): Promise<void> {
        const process = name === 'cassandra' ? store.cassandra : store.services[name][0];
        assert.ok(process);
        const before = process.pid;
        process.kill('SIGKILL');
        await eventually(
          async () => process.pid,
          (pid) => pid !== 0 && pid !== before,
          60_000,
        );
        await eventually(isHealthy, Boolean, 60_000);
      }

      async function isHealthy(): Promise<boolean> {
        const answer = await running()
          .shop.send<{ status: string }>({ method: 'GET', path: '/api/system/health' })
          .catch(() => undefined);
        return answer?.body.status === 'ok';
      }

      async function audit(): Promise<string[]> {
        return violationsOf(await running().audit());
      }
    });
  }
}
