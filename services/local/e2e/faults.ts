import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import { bodyOf } from '../src/shop-client.ts';
import { eventually, type RunningStore, violationsOf } from './running-store.ts';

/** Shoppers at work while something is killed, and who ask afterwards what became of their orders. */
const SHOPPERS = 12;
const KILLS = 4;
/** ms for everything to be decided after the last fault. */
const SETTLED_WITHIN = 60_000;

type Victim = 'order' | 'product' | 'cart' | 'cassandra';

interface Asked {
  readonly key: string;
  readonly shopper: ReturnType<RunningStore['newShopper']>;
  /** As the client was told, if it was. */
  orderId: string | undefined;
  /** As it was decided in the end. */
  status?: string;
}

/** kill -9, at random, under load: nothing that was acknowledged may be missing. */
export function faults(running: () => RunningStore): void {
  for (const victim of ['order', 'product', 'cart', 'cassandra'] as const) {
    test(`kill -9 of ${victim} under load loses no acknowledged order, and every order is decided`, async (context) => {
      const { store, catalogue, journal } = running();
      const products = await catalogue.addProducts(Array.from({ length: 5 }, () => ({ stock: 60 })));
      const asked: Asked[] = [];
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

      const restedAt = Date.now();
      await pLimit(SHOPPERS).map(asked, (request) => settle(request, restedAt + SETTLED_WITHIN - Date.now()));
      const confirmed = asked.filter(({ status }) => status !== undefined && status !== 'rejected').length;
      context.diagnostic(`${asked.length} orders asked for, ${confirmed} confirmed`);
      assert.ok(confirmed > 0, 'no order came through');
      assert.deepEqual(await eventually(audit, (violations) => violations.length === 0, SETTLED_WITHIN), []);

      async function shopUntil(signal: AbortSignal): Promise<void> {
        while (!signal.aborted) {
          const shopper = running().newShopper();
          const product = products[Math.floor(Math.random() * products.length)];
          const added = await shopper.addItem(product?.id as string, 1).catch(() => undefined);
          if (added?.status !== 201 || !(await order(shopper))) await sleep(50);
        }
      }

      async function order(shopper: Asked['shopper']): Promise<boolean> {
        const request: Asked = { key: randomUUID(), shopper, orderId: undefined };
        asked.push(request);
        const answer = await shopper.placeOrder(request.key).catch(() => undefined);
        if (!answer || answer.status >= 300) return false;
        request.orderId = answer.body.id;
        if (answer.status === 201) {
          const { id: orderId, status, total } = answer.body;
          journal.order({ key: request.key, userId: shopper.userId, orderId, status, total: total.amount });
        }
        return true;
      }

      /** The same key again gives the same order, whatever became of the first answer; until it has been decided. */
      async function settle(request: Asked, withinMs: number): Promise<void> {
        await eventually(
          () => decide(request),
          (isDecided) => isDecided,
          withinMs,
        );
      }

      async function decide(request: Asked): Promise<boolean> {
        const { key, shopper, orderId } = request;
        const answer = await shopper.placeOrder(key).catch(() => undefined);
        if (answer?.status === 409) {
          const { code } = answer.body as unknown as { code: string };
          if (code === 'idempotency_in_progress') return false;
          assert.ok(orderId === undefined || (await readStatus(shopper, orderId)) === 'rejected', `${key}: ${code}`);
          request.status = 'rejected';
          return true;
        }
        if (!answer || answer.status >= 300) return false;
        if (orderId !== undefined) assert.equal(answer.body.id, orderId, 'another order for the same key');
        request.status = answer.body.status;
        return answer.body.status !== 'pending';
      }

      async function readStatus(shopper: Asked['shopper'], orderId: string): Promise<string> {
        return bodyOf(await shopper.order(orderId), 200).status;
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
