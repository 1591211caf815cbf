import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rename, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Cluster } from '#platform/cassandra/cluster.ts';
import { SERVICE_NAMES, type ServiceName } from '#platform/service-names.ts';
import { KEYSPACES } from '../../../cassandra/keyspaces.ts';
import { bootstrapAdmin, migrate } from '../../../cassandra/migrate.ts';
import { checkGateway, findNginx, gatewayArguments, renderGateway } from '../../../nginx/gateway.ts';
import { ensureJars, hasJars } from './cassandra/jars.ts';
import { startCassandra, stopStaleCassandra } from './cassandra/server.ts';
import { openDataDir } from './data-dir.ts';
import { ensureKeys, type KeyFiles } from './keys.ts';
import { type MonitoringProcess, prepareMonitoring } from './monitoring.ts';
import { checkPorts } from './ports.ts';
import { stopLeftovers } from './processes.ts';
import { launch, type Running } from './running.ts';
import { ensureSecrets, type Secrets } from './secrets.ts';
import { innerPorts, REPOSITORY, type StoreSettings } from './settings.ts';
import { type Supervised, type SupervisorEvent, supervise } from './supervisor.ts';
import { ensureTools, MONITORING_TOOLS } from './tools.ts';

export type StoreEvent =
  | { readonly kind: 'began'; readonly step: string; readonly text: string }
  | { readonly kind: 'done'; readonly step: string; readonly text: string }
  | { readonly kind: 'advanced'; readonly step: string; readonly done: number; readonly total: number }
  | { readonly kind: 'noted'; readonly text: string }
  | SupervisorEvent;

export interface Store {
  /** Of the public door. */
  readonly baseUrl: string;
  /** Of each service's replicas. */
  readonly urls: Readonly<Record<ServiceName, readonly string[]>>;
  /** Each service's replicas. */
  readonly services: Readonly<Record<ServiceName, readonly Supervised[]>>;
  readonly gateway: Supervised;
  /** Undefined where a running server was given. */
  readonly cassandra: Supervised | undefined;
  /** Undefined where nobody asked for it. */
  readonly monitoring: Monitoring | undefined;
  /** host:port. */
  readonly contactPoint: string;
  readonly cluster: Cluster;
  readonly dataDir: string;
  readonly isNew: boolean;
  readonly secrets: Secrets;
  /** Superuser of Cassandra. */
  readonly cassandraAdmin: { readonly username: string; readonly password: string };
  /** One process after the other, each in good order; with two replicas or more every request is served meanwhile. */
  restartServices(): Promise<void>;
  /** Services first, draining, and what watches them; then Nginx; then Cassandra. Keeps the data. May be repeated. */
  stop(): Promise<void>;
}

export interface Monitoring {
  readonly prometheusUrl: string;
  readonly alertmanagerUrl: string;
  readonly processes: readonly Supervised[];
}

export interface StartOptions {
  onProgress?(event: StoreEvent): void;
  /** Aborting stops what was started so far, in good order. */
  readonly signal?: AbortSignal;
}

/** As in cassandra/server/cassandra-rackdc.properties. */
export const DATA_CENTER = 'datacenter1';
/** Superuser of Cassandra. */
export const ADMIN_ROLE = 'store_admin';
/** A log larger than this becomes `<name>.log.1` at a start. */
const LARGE_LOG = 20 * 1024 * 1024;
/** Keeps a service below 150 MB: small halves for young objects, and a heap that is collected rather than grown. */
export const V8_FLAGS = ['--max-semi-space-size=2', '--max-old-space-size=96'];
const SERVICE_READY_MS = 30_000;

/**
 * Starts the whole store and resolves when every part is ready; parts that don't need each other start at once.
 * Throws StartError (or MigrationError) with a sentence for people; nothing is left running then.
 */
export async function startStore(settings: StoreSettings, options: StartOptions = {}): Promise<Store> {
  const { onProgress = () => undefined, signal = new AbortController().signal } = options;
  const failure = new AbortController();
  const ends: Record<'services' | 'monitoring' | 'gateway' | 'cassandra', Supervised[]> = {
    services: [],
    monitoring: [],
    gateway: [],
    cassandra: [],
  };
  const stepping = AbortSignal.any([signal, failure.signal]);
  const { replicas } = settings;
  const ports = innerPorts(settings.innerPortOffset, replicas);
  const dataDir = await openDataDir(settings.dataDir);
  const inData = (...names: string[]) => path.join(dataDir.path, ...names);
  let restarts: Promise<void> = Promise.resolve();

  async function step<Result>(
    name: string,
    texts: readonly [began: string, done: string],
    work: () => Promise<Result>,
  ) {
    stepping.throwIfAborted();
    onProgress({ kind: 'began', step: name, text: texts[0] });
    const result = await work();
    onProgress({ kind: 'done', step: name, text: texts[1] });
    return result;
  }

  function keep(kind: keyof typeof ends, name: string, start: () => Promise<Running>): Promise<Supervised> {
    stepping.throwIfAborted();
    return supervise(name, start, { restarts: settings.restarts ?? true, onEvent: onProgress, signal: stepping }).then(
      (supervised) => {
        ends[kind].push(supervised);
        return supervised;
      },
    );
  }

  async function stop(): Promise<void> {
    await Promise.all([...ends.services, ...ends.monitoring].map((process) => process.stop()));
    await Promise.all(ends.gateway.map((gateway) => gateway.stop()));
    await Promise.all(ends.cassandra.map((cassandra) => cassandra.stop()));
    await dataDir.release();
  }

  async function startParts(): Promise<Store> {
    await cleanUp();
    await checkPorts([
      { host: settings.host, port: settings.port, use: 'the store', setting: 'PORT' },
      ...SERVICE_NAMES.flatMap((name) => ports[name].map((port) => inner(port, `the ${name} service`))),
      inner(ports.gatewayStatus, "Nginx's status"),
      ...(settings.observe ? monitoringPorts() : []),
    ]);
    const [secrets, keys] = await Promise.all([ensureSecrets(dataDir.path), ensureKeys(inData('keys')), rotateLogs()]);
    const cassandraAdmin = settings.cassandra?.admin ?? { username: ADMIN_ROLE, password: secrets.cassandraPassword };
    // apt-get lets one run at a time, so what Cassandra needs comes first and Nginx beside the download of the jars.
    const needed = settings.cassandra ? [] : (['java', ...(hasJars() ? [] : ['maven' as const])] as const);
    await ensureTools(needed, noteInstall);
    const contactPoint = settings.cassandra
      ? `${settings.cassandra.host}:${settings.cassandra.port}`
      : `127.0.0.1:${ports.cassandra}`;

    const database = startDatabase(cassandraAdmin, secrets, contactPoint);
    const compiled = compileServices();
    const laterTools = ensureTools(['nginx', ...(settings.observe ? MONITORING_TOOLS : [])], noteInstall);
    const ready = Promise.all([database, compiled]);
    const startReplicas = async (name: ServiceName) => {
      await ready;
      return Promise.all(ports[name].map((_, index) => startService(name, index, secrets, keys, contactPoint)));
    };
    const [cassandra, gateway, product, cart, order, user] = await allOrNothing([
      database,
      laterTools.then(() => startGateway()),
      startReplicas('product'),
      startReplicas('cart'),
      startReplicas('order'),
      startReplicas('user'),
    ]);
    const services = { product, cart, order, user };
    // Last, since whoever sees the others before they are ready raises an alarm.
    const monitoring = settings.observe ? await startMonitoring() : undefined;
    return {
      baseUrl: storeUrl(settings),
      urls: serviceUrls(),
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
      restartServices() {
        const restarted = restarts.then(async () => {
          for (const service of SERVICE_NAMES.flatMap((name) => services[name])) {
            await step(service.name, [`${service.name}: restarting`, `${service.name} is restarted`], service.restart);
          }
        });
        // Whoever asks meanwhile has a turn of their own: two at once would stop both replicas of a service.
        restarts = restarted.catch(() => undefined);
        return restarted;
      },
      stop,
    };
  }

  /** The first failure makes the other parts stop waiting; only when all have, it is thrown. */
  async function allOrNothing<Parts extends readonly Promise<unknown>[]>(parts: readonly [...Parts]) {
    for (const part of parts) part.catch((reason) => failure.abort(reason));
    await Promise.allSettled(parts);
    stepping.throwIfAborted();
    return Promise.all(parts);
  }

  async function cleanUp(): Promise<void> {
    const leftovers = await stopLeftovers(inData('run'));
    if (await stopStaleCassandra(inData('cassandra'))) leftovers.push('cassandra');
    if (leftovers.length > 0) {
      onProgress({ kind: 'noted', text: `Stopped what an earlier start had left running: ${leftovers.join(', ')}.` });
    }
  }

  async function rotateLogs(): Promise<void> {
    const services = SERVICE_NAMES.flatMap((name) => ports[name].map((_, index) => replicaName(name, index)));
    for (const name of [...services, 'access', 'nginx', ...MONITORING_TOOLS]) {
      const file = inData('logs', `${name}.log`);
      const size = await stat(file).then(
        (stats) => stats.size,
        () => 0,
      );
      if (size > LARGE_LOG) await rename(file, `${file}.1`);
    }
  }

  /**
   * Has Node keep the compiled services: each starts in half the time and, without the TypeScript compiler in it, with 35 MB less.
   * A service without settings loads all its modules and ends.
   */
  async function compileServices(): Promise<void> {
    if (settings.serviceMain || existsSync(inData('compiled'))) return;
    for (const name of SERVICE_NAMES) {
      const env = { NODE_COMPILE_CACHE: inData('compiled') };
      const child = spawn(process.execPath, [...V8_FLAGS, serviceMain(name)], {
        env,
        stdio: 'ignore',
        timeout: 20_000,
      });
      await once(child, 'close').catch(() => undefined);
    }
  }

  function serviceMain(name: ServiceName): string {
    return settings.serviceMain ?? path.join(REPOSITORY, `services/${name}/src/main.ts`);
  }

  function noteInstall(names: string): void {
    onProgress({ kind: 'noted', text: `Installing ${names} (apt-get)` });
  }

  async function startDatabase(admin: Store['cassandraAdmin'], secrets: Secrets, contactPoint: string) {
    const contactPoints = [contactPoint];
    let cassandra: Supervised | undefined;
    if (settings.cassandra) {
      await bootstrapAdmin({ contactPoints, localDataCenter: DATA_CENTER, admin });
    } else {
      await downloadJars();
      cassandra = await step('cassandra', ['Cassandra: starting', 'Cassandra is ready'], () =>
        keep('cassandra', 'cassandra', () => launchCassandra(admin)),
      );
    }
    await step('migrate', ['Cassandra: tables', 'Tables are there'], () =>
      migrate({
        contactPoints,
        localDataCenter: DATA_CENTER,
        admin,
        passwords: secrets.rolePasswords,
        replicationFactor: settings.cassandra?.replicationFactor ?? 1,
        ...(settings.keyspacePrefix !== undefined && { keyspacePrefix: settings.keyspacePrefix }),
      }),
    );
    return cassandra;
  }

  function downloadJars(): Promise<void> {
    if (hasJars()) return ensureJars();
    const texts = ['Cassandra: downloading 70 MB with Maven, once', 'Cassandra is downloaded'] as const;
    return step('jars', texts, ensureJars);
  }

  function launchCassandra(admin: Store['cassandraAdmin']): Promise<Running> {
    return startCassandra({
      dataDir: inData('cassandra'),
      admin,
      port: ports.cassandra,
      storagePort: ports.cassandraStorage,
      jmxPort: ports.cassandraJmx,
      heapMb: settings.cassandraHeapMb,
      ...(settings.observe && { metricsPort: ports.cassandraMetrics }),
    });
  }

  async function startGateway(): Promise<Supervised> {
    const configFile = renderGateway({
      stateDir: inData('nginx'),
      accessLogs: [inData('logs/access.log')],
      errorLog: inData('logs/nginx.log'),
      listen: toAddress(settings.host, settings.port),
      statusListen: `127.0.0.1:${ports.gatewayStatus}`,
      servers: {
        product: ports.product.map(onLoopback),
        cart: ports.cart.map(onLoopback),
        order: ports.order.map(onLoopback),
        user: ports.user.map(onLoopback),
      },
      docsDir: path.join(REPOSITORY, 'docs/site'),
      limits: !settings.loadProfile,
      corsOrigins: settings.corsOrigins,
      trustedProxies: settings.trustedProxies,
    });
    await checkGateway(configFile);
    return step('nginx', ['Nginx: starting', 'Nginx is ready'], () =>
      keep('gateway', 'nginx', () =>
        launch({
          name: 'nginx',
          command: findNginx() ?? 'nginx',
          args: gatewayArguments(configFile),
          env: { PATH: process.env.PATH ?? '' },
          folder: inData('run/nginx'),
          logFile: inData('logs/nginx.log'),
          isReady: () => answersOk(`http://${onLoopback(ports.gatewayStatus)}/stub_status`),
          readyTimeoutMs: 10_000,
          stopSignal: 'SIGQUIT',
          stopTimeoutMs: 12_000,
        }),
      ),
    );
  }

  async function startMonitoring(): Promise<Monitoring> {
    const plans = await prepareMonitoring({
      stateDir: inData('monitoring'),
      accessLog: inData('logs/access.log'),
      ports,
      withCassandra: settings.cassandra === undefined,
    });
    const processes = await step('monitoring', ['Monitoring: starting', 'Prometheus and its exporters are ready'], () =>
      allOrNothing(plans.map((plan) => keep('monitoring', plan.name, () => launchMonitoring(plan)))),
    );
    return {
      prometheusUrl: `http://${onLoopback(ports.prometheus)}`,
      alertmanagerUrl: `http://${onLoopback(ports.alertmanager)}`,
      processes,
    };
  }

  function launchMonitoring({ readyUrl, ...plan }: MonitoringProcess): Promise<Running> {
    return launch({
      ...plan,
      env: { PATH: process.env.PATH ?? '' },
      folder: inData('run', plan.name),
      logFile: inData('logs', `${plan.name}.log`),
      isReady: () => answersOk(readyUrl),
      readyTimeoutMs: 30_000,
      stopSignal: 'SIGTERM',
      stopTimeoutMs: 10_000,
    });
  }

  function monitoringPorts() {
    return [
      inner(ports.prometheus, 'Prometheus'),
      inner(ports.alertmanager, 'Alertmanager'),
      inner(ports.nodeExporter, 'the node exporter'),
      inner(ports.nginxExporter, 'the Nginx exporter'),
      inner(ports.mtail, 'mtail'),
    ];
  }

  function startService(
    service: ServiceName,
    index: number,
    secrets: Secrets,
    keys: KeyFiles,
    contactPoint: string,
  ): Promise<Supervised> {
    const name = replicaName(service, index);
    const port = ports[service][index] as number;
    const env = serviceEnvironment(service, port, secrets, keys, contactPoint);
    return step(name, [`${name} service: starting`, `${name} service is ready`], () =>
      keep('services', name, () =>
        launch({
          name,
          command: process.execPath,
          args: [...V8_FLAGS, serviceMain(service)],
          env: { ...env, ...settings.serviceEnvironment?.[service] },
          folder: inData('run', name),
          logFile: inData('logs', `${name}.log`),
          isReady: () => answersOk(`http://${onLoopback(port)}/health/readiness`),
          readyTimeoutMs: SERVICE_READY_MS,
          stopSignal: 'SIGTERM',
          stopTimeoutMs: 25_000,
        }),
      ),
    );
  }

  /** A service gets its own secrets and nobody else's. */
  function serviceEnvironment(name: ServiceName, port: number, secrets: Secrets, keys: KeyFiles, contactPoint: string) {
    const role = KEYSPACES[name];
    const prefixed = `${settings.keyspacePrefix ?? ''}${role}`;
    const urls = serviceUrls();
    const { processing, shipped, delivered } = settings.orderDelays ?? {};
    const env: Record<string, string> = {
      PATH: process.env.PATH ?? '',
      NODE_COMPILE_CACHE: inData('compiled'),
      MALLOC_ARENA_MAX: '1',
      NODE_ENV: 'development',
      HOST: '127.0.0.1',
      PORT: String(port),
      LOG_LEVEL: settings.logLevel,
      CASSANDRA_CONTACT_POINTS: contactPoint,
      CASSANDRA_LOCAL_DATACENTER: DATA_CENTER,
      CASSANDRA_KEYSPACE: prefixed,
      CASSANDRA_USERNAME: prefixed,
      CASSANDRA_PASSWORD: secrets.rolePasswords[role],
      PRODUCT_URL: urls.product.join(','),
      CART_URL: urls.cart.join(','),
      ORDER_URL: urls.order.join(','),
      USER_URL: urls.user.join(','),
      SERVICE_KEY_FILE: keys.serviceKey[name],
      SERVICE_KEYS_FILE: keys.publicServiceKeys,
      USER_KEYS_FILE: keys.publicUserKeys,
      CURRENCY: settings.currency,
      ...settings.openTelemetry,
    };
    if (name !== 'cart') env.CURSOR_SECRET = secrets.cursorSecrets[name];
    if (name === 'user') {
      env.USER_SIGNING_KEYS_FILE = keys.userKeys;
      env.BCRYPT_COST = String(settings.bcryptCost);
    }
    if (name === 'order') {
      if (processing !== undefined) env.ORDER_PROCESSING_DELAY_MS = String(processing);
      if (shipped !== undefined) env.ORDER_SHIPPED_DELAY_MS = String(shipped);
      if (delivered !== undefined) env.ORDER_DELIVERED_DELAY_MS = String(delivered);
    }
    return env;
  }

  function serviceUrls() {
    const urlsOf = (name: ServiceName) => ports[name].map((port) => `http://${onLoopback(port)}`);
    return { product: urlsOf('product'), cart: urlsOf('cart'), order: urlsOf('order'), user: urlsOf('user') };
  }

  try {
    return await startParts();
  } catch (error) {
    await stop();
    throw signal.aborted ? signal.reason : error;
  }
}

/** Where this machine reaches the store; one that listens on all addresses is reached at the loopback one. */
export function storeUrl({ host, port }: Pick<StoreSettings, 'host' | 'port'>): string {
  const reached = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host;
  return `http://${toAddress(reached, port)}`;
}

/** See RFC 3986, 3.2.2: an IPv6 address stands in brackets. */
function toAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The first of a service has its name alone. */
function replicaName(service: ServiceName, index: number): string {
  return index === 0 ? service : `${service}-${index + 1}`;
}

function onLoopback(port: number): string {
  return `127.0.0.1:${port}`;
}

function inner(port: number, use: string) {
  return { host: '127.0.0.1', port, use, setting: 'INNER_PORT_OFFSET' };
}

async function answersOk(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    (response) => response.ok,
    () => false,
  );
}
