import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createPrometheusClient } from '../../../../monitoring/prometheus/client.ts';
import { type Notification, receiveNotifications } from '../alerts/notifications.ts';
import { type Episode, reproduce, toSeconds } from '../alerts/reproduction.ts';
import { SCENARIOS } from '../alerts/scenarios.ts';
import { findCassandra } from '../cassandra/server.ts';
import { findLauncher } from '../data-dir.ts';
import { runCommand } from '../run-command.ts';
import { innerPorts, onLoopback, readSettings, type StoreSettings, storeUrl } from '../settings.ts';
import { createShop, type Shop } from '../shop-client.ts';
import { StartError } from '../start-error.ts';
import { stopSignal } from '../stop-signal.ts';
import { toTable } from '../table.ts';
import { createTerminal, type Terminal } from '../terminal.ts';

const ALERTS = SCENARIOS.flatMap(({ alerts }) => alerts);
const HELP = `npm run alerts:reproduce: causes what alerts are for, one after the other, in a running store (npm start -- --observe): load, a slow database,
a killed service, a frozen Nginx, a frozen database. Watches in Prometheus when each alert fires and when it ends; about ten minutes in all.
Shoppers notice, so don't run it on a store that others use. Ctrl-C leaves the store healthy.

  --only <alert>   one of ${ALERTS.join(', ')}

DATA_DIR, HOST, PORT and INNER_PORT_OFFSET are read as by \`npm start\`. Exits with 1 when an alert doesn't fire or doesn't end.
`;
const HEALTHY_WITHIN_MS = 60_000;

async function main({ only }: { only?: string }): Promise<number> {
  const scenarios = SCENARIOS.filter(({ alerts }) => only === undefined || alerts.includes(only));
  if (scenarios.length === 0) throw new StartError(`--only takes one of ${ALERTS.join(', ')}.`);

  const settings = readSettings(process.env);
  const ports = innerPorts(settings.innerPortOffset);
  const { dataDir } = settings;
  const prometheus = createPrometheusClient(`http://${onLoopback(ports.prometheus)}`);
  await checkStore(settings, () => prometheus.query('vector(1)'));

  const stopped = stopSignal();
  const notifications: (Notification & { at: number })[] = [];
  const receiver = await receiveNotifications(ports.alertReceiver, (one) =>
    notifications.push({ ...one, at: Date.now() }),
  );
  const shop = createShop(storeUrl(settings));
  const terminal = createTerminal();
  const scene = { dataDir, shop, findCassandra: () => findCassandra(path.join(dataDir, 'cassandra')) };
  const parts = {
    scene,
    prometheus,
    notifications,
    signal: stopped,
    say: (text: string) => terminal.say(`    ${text}`),
  };
  const episodes: Episode[] = [];
  try {
    for (const scenario of scenarios) {
      const step = scenario.alerts.join(', ');
      terminal.show({ kind: 'began', step, text: `${step}: ${scenario.cause}` });
      episodes.push(...(await reproduce(scenario, parts)));
      terminal.show({ kind: 'done', step, text: `${step}: over` });
    }
  } catch (error) {
    if (!stopped.aborted) throw error;
  } finally {
    await waitUntilHealthy(shop, terminal);
    terminal.close();
    receiver.close();
    receiver.closeAllConnections();
    await shop.close();
  }
  if (stopped.aborted) console.log('Interrupted. Results until then:');
  console.log(`\n${describe(episodes).join('\n')}`);
  return stopped.aborted || episodes.some(({ faults }) => faults.length > 0) ? 1 : 0;
}

async function checkStore({ dataDir }: StoreSettings, askPrometheus: () => Promise<unknown>): Promise<void> {
  if ((await findLauncher(dataDir)) === undefined) {
    throw new StartError(`No store is running in ${dataDir}: start one with npm start -- --observe.`);
  }
  await askPrometheus().catch((cause: unknown) => {
    throw new StartError('The store is running without Prometheus: start it with npm start -- --observe.', { cause });
  });
}

/** Throws StartError when it takes too long. */
async function waitUntilHealthy(shop: Shop, terminal: Terminal): Promise<void> {
  terminal.show({ kind: 'began', step: 'health', text: 'Waiting until the store is healthy' });
  for (const deadline = Date.now() + HEALTHY_WITHIN_MS; ; await sleep(500)) {
    const health = await shop
      .send<{ status: string }>({ method: 'GET', path: '/api/system/health' })
      .catch(() => undefined);
    if (health?.body?.status === 'ok') break;
    if (Date.now() > deadline)
      throw new StartError(`The store isn't healthy again after ${toSeconds(HEALTHY_WITHIN_MS)}.`);
  }
  terminal.show({ kind: 'done', step: 'health', text: 'The store is healthy' });
}

function describe(episodes: readonly Episode[]): string[] {
  const show = (ms: number | undefined) => (ms === undefined ? '–' : toSeconds(ms));
  const rows = episodes.map(({ alert, cause, pendingAfter, firingAfter, notifiedAfter, endedAfter, faults }) => [
    alert,
    cause,
    show(pendingAfter),
    show(firingAfter),
    show(notifiedAfter),
    show(endedAfter),
    faults.length === 0 ? 'ok' : `✗ ${faults.join('; ')}`,
  ]);
  const failed = episodes.filter(({ faults }) => faults.length > 0).length;
  return [
    ...toTable(['alert', 'cause', 'pending', 'firing', 'notified', 'ended', ''], rows),
    '',
    'Pending, firing and notified are times since the cause began; there is no notification of mere information, or of a consequence of another alert.',
    'Ended is the time since the cause was removed.',
    `${episodes.length - failed} passed, ${failed} failed`,
  ];
}

await runCommand({ help: HELP, options: { only: { type: 'string' } } }, main);
