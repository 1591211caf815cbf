import type { Cluster } from '#platform/cassandra/cluster.ts';
import { SERVICE_NAMES, type ServiceName } from '#platform/service-names.ts';
import { hasJars } from './cassandra/jars.ts';
import { stopStaleCassandra } from './cassandra/server.ts';
import { type DataDir, openDataDir } from './data-dir.ts';
import { ensureKeys } from './keys.ts';
import { checkPorts } from './ports.ts';
import { stopLeftovers } from './processes.ts';
import { ensureSecrets, type Secrets } from './secrets.ts';
import { onLoopback, type StoreSettings, storeUrl } from './settings.ts';
import { ADMIN_ROLE, type CassandraAdmin, DATA_CENTER, startDatabase } from './store/database.ts';
import { startGateway } from './store/gateway.ts';
import { type Monitoring, startMonitoring } from './store/monitoring.ts';
import { rotateLogs } from './store/rotate-logs.ts';
import { serviceUrls } from './store/service-environment.ts';
import { compileServices, startReplicas } from './store/services.ts';
import { createStartContext, type StartContext, type StoreEvent } from './store/start-context.ts';
import type { Supervised } from './supervisor.ts';
import { ensureTools, MONITORING_TOOLS } from './tools.ts';

export interface Store {
  /** Of the public door. */
  readonly baseUrl: string;
  /** Of each service's replicas. */
  readonly urls: Readonly<Record<ServiceName, readonly string[]>>;
  /** Each service's replicas. */
  readonly services: Readonly<Record<ServiceName, readonly Supervised[]>>;
  readonly gateway: Supervised;
  /** Undefined where the settings named a running server. */
  readonly cassandra: Supervised | undefined;
  /** Undefined where the settings didn't ask for it. */
  readonly monitoring: Monitoring | undefined;
  /** host:port. */
  readonly contactPoint: string;
  readonly cluster: Cluster;
  readonly dataDir: string;
  readonly isNew: boolean;
  readonly secrets: Secrets;
  /** Superuser of Cassandra. */
  readonly cassandraAdmin: CassandraAdmin;
  /** Restarts one process after the other, each in good order; with two replicas or more every request is served meanwhile. */
  restartServices(): Promise<void>;
  /** Stops the services, which drain, and the monitoring; then Nginx; then Cassandra. Keeps the data. May be repeated. */
  stop(): Promise<void>;
}

export interface StartOptions {
  onProgress?(event: StoreEvent): void;
  /** Aborting stops what was started so far, in good order. */
  readonly signal?: AbortSignal;
}

/**
 * Starts the whole store and resolves when every part is ready; parts that don't need each other start at the same time.
 * Throws StartError (or MigrationError) with a sentence for people; nothing is left running then.
 */
export async function startStore(settings: StoreSettings, options: StartOptions = {}): Promise<Store> {
  const { onProgress = () => undefined, signal = new AbortController().signal } = options;
  const dataDir = await openDataDir(settings.dataDir);
  const start = createStartContext(settings, dataDir.path, onProgress, signal);
  async function stop(): Promise<void> {
    await start.stop();
    await dataDir.release();
  }
  try {
    return { ...(await startParts(start, dataDir)), stop };
  } catch (error) {
    await stop();
    throw signal.aborted ? signal.reason : error;
  }
}

async function startParts(start: StartContext, dataDir: DataDir): Promise<Omit<Store, 'stop'>> {
  const { settings, ports } = start;
  await stopEarlierStart(start);
  await checkOwnPorts(start);
  const [secrets, keys] = await Promise.all([
    ensureSecrets(dataDir.path),
    ensureKeys(start.inData('keys')),
    rotateLogs(start),
  ]);
  const cassandraAdmin = settings.cassandra?.admin ?? { username: ADMIN_ROLE, password: secrets.cassandraPassword };
  const contactPoint = settings.cassandra
    ? `${settings.cassandra.host}:${settings.cassandra.port}`
    : onLoopback(ports.cassandra);

  const noteInstall = (names: string) => start.note(`Installing ${names} (apt-get)`);
  // apt-get runs once at a time, so what Cassandra needs comes first, and Nginx while the jars are downloaded.
  const forCassandra = settings.cassandra ? [] : (['java', ...(hasJars() ? [] : ['maven' as const])] as const);
  await ensureTools(forCassandra, noteInstall);
  const forTheRest = ensureTools(['nginx', ...(settings.observe ? MONITORING_TOOLS : [])], noteInstall);
  const database = startDatabase(start, { admin: cassandraAdmin, secrets, contactPoint });
  const ready = Promise.all([database, compileServices(start)]);
  const startService = (name: ServiceName) =>
    ready.then(() => startReplicas(start, name, { secrets, keys, contactPoint }));
  const [cassandra, gateway, product, cart, order, user] = await start.allOrNothing([
    database,
    forTheRest.then(() => startGateway(start)),
    startService('product'),
    startService('cart'),
    startService('order'),
    startService('user'),
  ]);
  const services = { product, cart, order, user };
  // Last, since it raises an alert when it sees the others before they are ready.
  const monitoring = settings.observe ? await startMonitoring(start) : undefined;
  return {
    baseUrl: storeUrl(settings),
    urls: serviceUrls(ports),
    services,
    gateway,
    cassandra,
    monitoring,
    contactPoint,
    cluster: { contactPoints: [contactPoint], localDataCenter: DATA_CENTER },
    dataDir: dataDir.path,
    isNew: dataDir.isNew,
    secrets,
    cassandraAdmin,
    restartServices: createRestart(start, services),
  };
}

async function stopEarlierStart({ inData, note }: StartContext): Promise<void> {
  const leftovers = await stopLeftovers(inData('run'));
  if (await stopStaleCassandra(inData('cassandra'))) leftovers.push('cassandra');
  if (leftovers.length > 0) note(`Stopped what an earlier start had left running: ${leftovers.join(', ')}.`);
}

/** Those of Cassandra are checked by its own start. */
function checkOwnPorts({ settings, ports }: StartContext): Promise<void> {
  const inner = (port: number, use: string) => ({ host: '127.0.0.1', port, use, setting: 'INNER_PORT_OFFSET' });
  const ofMonitoring = [
    inner(ports.prometheus, 'Prometheus'),
    inner(ports.alertmanager, 'Alertmanager'),
    inner(ports.nodeExporter, 'the node exporter'),
    inner(ports.nginxExporter, 'the Nginx exporter'),
    inner(ports.mtail, 'mtail'),
  ];
  return checkPorts([
    { host: settings.host, port: settings.port, use: 'the store', setting: 'PORT' },
    ...SERVICE_NAMES.flatMap((name) => ports[name].map((port) => inner(port, `the ${name} service`))),
    inner(ports.gatewayStatus, "Nginx's status"),
    ...(settings.observe ? ofMonitoring : []),
  ]);
}

function createRestart({ step }: StartContext, services: Store['services']): Store['restartServices'] {
  let last: Promise<void> = Promise.resolve();
  return () => {
    const restarted = last.then(async () => {
      for (const { name, restart } of SERVICE_NAMES.flatMap((service) => services[service])) {
        await step(name, [`${name}: restarting`, `${name} is restarted`], restart);
      }
    });
    // A further call waits its turn: two at once would stop both replicas of a service.
    last = restarted.catch(() => undefined);
    return restarted;
  };
}
