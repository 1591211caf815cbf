import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { backUpStore } from '../src/commands/backup.ts';
import { resetStore } from '../src/commands/reset.ts';
import { restoreStore } from '../src/commands/restore.ts';
import { bodyOf, newAccount } from '../src/shop-client.ts';
import { type RunningStore, startRunningStore, violationsOf } from './running-store.ts';

const BUYERS = 4;
/** ms for which shoppers buy before and after the backup. */
const AROUND = 1500;

/** Destroys the store, so no test that needs it may follow. */
export function backup(running: () => RunningStore): void {
  test('a lost store comes back with all that was acknowledged before its backup, and no shopper noticed the backup', async (context) => {
    const { store, settings, shop, journal, newShopper, catalogue } = running();
    const folder = await mkdtemp(path.join(tmpdir(), 'store-backup-'));
    const [file, told] = [path.join(folder, 'store.tar.gz'), path.join(folder, 'journal.jsonl')];
    try {
      const { id: productId } = await catalogue.addProduct({ stock: 100_000 });
      const account = newAccount('backup');
      bodyOf(await shop.register(account), 201);
      const shopper = shop.as(bodyOf(await shop.login(account), 200).access_token);
      bodyOf(await shopper.addItem(productId, 3), 201);
      const key = randomUUID();
      const order = bodyOf(await shopper.placeOrder(key), 201, 202);

      const stopping = new AbortController();
      const buyers = Promise.all(Array.from({ length: BUYERS }, () => buy(productId, stopping.signal)));
      await sleep(AROUND);
      await copyFile(path.join(store.dataDir, 'journal.jsonl'), told);
      const { bytes, frozenMs } = await backUpStore(store.dataDir, file);
      await sleep(AROUND);
      stopping.abort();
      const orders = (await buyers).reduce((sum, bought) => sum + bought, 0);
      context.diagnostic(`${bytes} bytes, Cassandra frozen for ${Math.round(frozenMs)} ms, ${orders} orders meanwhile`);
      assert.deepEqual(await readdir(folder), ['journal.jsonl', 'store.tar.gz']);
      assert.equal((await readdir(path.join(store.dataDir, 'cassandra'))).includes('backup'), false);

      await assert.rejects(restoreStore(file, settings.dataDir), /isn't empty/);
      await store.stop();
      assert.equal(await resetStore(settings.dataDir), true);
      await restoreStore(file, settings.dataDir);
      await copyFile(told, path.join(settings.dataDir, 'journal.jsonl'));
      const restored = await startRunningStore(settings);
      try {
        assert.equal(restored.store.isNew, false);
        const again = restored.shop.as(bodyOf(await restored.shop.login(account), 200).access_token);
        assert.equal(bodyOf(await again.order(order.id), 200).total.amount, order.total.amount);
        const repeated = await again.placeOrder(key);
        assert.deepEqual([repeated.headers['idempotent-replayed'], repeated.body.id], ['true', order.id]);
        assert.deepEqual(violationsOf(await restored.audit()), []);
        assert.deepEqual(restored.brokenPromises, []);
      } finally {
        await restored.stop();
      }
    } finally {
      await rm(folder, { recursive: true });
    }

    /** Places orders until it is told to stop, each as it should be; gives their number. */
    async function buy(productId: string, signal: AbortSignal): Promise<number> {
      let orders = 0;
      for (; !signal.aborted; orders += 1) {
        const buyer = newShopper();
        bodyOf(await buyer.addItem(productId, 1), 201);
        const key = randomUUID();
        const { id: orderId, status, total } = bodyOf(await buyer.placeOrder(key), 201, 202);
        journal.order({ key, userId: buyer.userId, orderId, status, total: total.amount });
      }
      return orders;
    }
  });
}
