import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPrometheusClient } from '../../../monitoring/prometheus/client.ts';
import { type Notification, receiveNotifications } from '../src/alerts/notifications.ts';
import { reproduce, toSeconds } from '../src/alerts/reproduction.ts';
import { SCENARIOS } from '../src/alerts/scenarios.ts';
import { innerPorts } from '../src/settings.ts';
import { createShop } from '../src/shop-client.ts';
import type { RunningStore } from './running-store.ts';

/** One scenario of `npm run alerts:reproduce`; all of them take ten minutes. */
export function alerts(running: () => RunningStore): void {
  test('a killed service pages within 60 s, and the alert ends when the service is back', async (t) => {
    const { store, settings } = running();
    const scenario = SCENARIOS.find((one) => one.alerts.includes('ServiceDown'));
    assert.ok(scenario);
    const notifications: (Notification & { at: number })[] = [];
    const { alertReceiver } = innerPorts(settings.innerPortOffset);
    const receiver = await receiveNotifications(alertReceiver, (one) => notifications.push({ ...one, at: Date.now() }));
    const shop = createShop(store.baseUrl);
    try {
      const episodes = await reproduce(scenario, {
        scene: { dataDir: store.dataDir, shop, findCassandra: async () => store.cassandra?.pid },
        prometheus: createPrometheusClient(store.monitoring?.prometheusUrl as string),
        notifications,
        signal: new AbortController().signal,
        say: (text) => t.diagnostic(text),
      });
      assert.deepEqual(
        episodes.flatMap(({ alert, faults }) => faults.map((fault) => `${alert} ${fault}`)),
        [],
      );
      t.diagnostic(`The notification came after ${toSeconds(Number(episodes[0]?.notifiedAfter))}.`);
    } finally {
      receiver.close();
      receiver.closeAllConnections();
      await shop.close();
    }
  });
}
