import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { eventually } from '../test-support/eventually.ts';
import type { RunningStore } from './running-store.ts';

/** ms after a snapshot. */
const SERVES_WITHIN = 30_000;

/** `npm run profile`. A snapshot leaves the product service with more memory until its next start. */
export function profiles(running: () => RunningStore): void {
  test('of a service under load names its functions, and the service keeps running', async () => {
    const [url] = running().store.urls.product;
    const pid = running().store.services.product[0]?.pid;
    const stopping = new AbortController();
    const isServing = () =>
      fetch(`${url}/api/v1/products?limit=100`).then(
        async (answer) => (await answer.text()) !== '' && answer.ok,
        () => false,
      );
    const load = (async () => {
      while (!stopping.signal.aborted) await isServing();
    })();
    const { stdout } = await running().command('profile', 'product', '--seconds', '3');
    const file = /^CPU profile: (.+)$/m.exec(stdout)?.[1] ?? '';
    const { nodes } = JSON.parse(await readFile(file, 'utf8'));
    const ours = nodes.filter(({ callFrame }: { callFrame: { url: string } }) =>
      callFrame.url.includes('/services/product/src/'),
    );
    assert.ok(ours.length > 0, stdout);

    const snapshot = await running().command('profile', 'product', '--heap');
    const heapFile = /^Heap snapshot \(\d+ MB\): (.+)$/m.exec(snapshot.stdout)?.[1] ?? '';
    assert.ok(JSON.parse(await readFile(heapFile, 'utf8')).snapshot.node_count > 10_000);
    stopping.abort();
    await load;
    await eventually(isServing, (itIs) => itIs, SERVES_WITHIN);
    assert.equal(running().store.services.product[0]?.pid, pid);
  });

  test('of a process that doesn’t run is refused, naming those that do', async () => {
    await assert.rejects(running().command('profile', 'product-2'), ({ stderr }: { stderr: string }) =>
      /only .*product/.test(stderr),
    );
  });
}
