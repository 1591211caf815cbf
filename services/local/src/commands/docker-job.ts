import { copyFile, cp, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { readConfig } from '#platform/config.ts';
import { SERVICE_NAMES, type ServiceName } from '#platform/service-names.ts';
import { bootstrapAdmin } from '../../../../cassandra/bootstrap.ts';
import { KEYSPACES } from '../../../../cassandra/keyspaces.ts';
import { migrate } from '../../../../cassandra/migrate.ts';
import { EXAMPLE_WEBHOOK, renderAlertmanager } from '../../../../monitoring/alertmanager/configuration.ts';
import { renderPrometheus } from '../../../../monitoring/prometheus/configuration.ts';
import { renderGateway } from '../../../../nginx/gateway.ts';
import { RING_JVM_OPTIONS } from '../cassandra/server.ts';
import { renderYaml, ringSettings, ringTokens, toEncryptionOptions } from '../cassandra/yaml.ts';
import { ensureFirstAdmin } from '../first-admin.ts';
import { ensureKeys, type KeyFiles } from '../keys.ts';
import { ensureProducts } from '../open-shop.ts';
import { isExpected } from '../run-command.ts';
import { ensureSecrets, type Secrets } from '../secrets.ts';
import { SHOPPERS, seedUsers } from '../seed/users.ts';
import { REPOSITORY, readSettings } from '../settings.ts';
import { StartError } from '../start-error.ts';
import { ADMIN_ROLE, DATA_CENTER } from '../store/database.ts';
import type { StoreEvent } from '../store/start-context.ts';

/** The steps of a start that docker-compose.yml runs as containers of their own, each before what needs it. All may be run again. */
const JOBS: Readonly<Record<string, () => Promise<void>>> = {
  init,
  migrate: migrateStore,
  seed,
  shoppers,
  'admin-password': showAdminPassword,
  'grafana-password': showGrafanaPassword,
};

/** Where docker-compose.yml mounts the volumes; each service sees its own part of the first as `/secrets`. */
const SECRETS_FOLDER = '/handover';
const SETTINGS_FOLDER = '/settings';
const CERTIFICATES_FOLDER = '/tls';
/** Names and ports inside the network of docker-compose.yml. */
const DOCKER_DNS = '127.0.0.11';
const SERVICE_PORT = 8000;
const [CQL_PORT, STORAGE_PORT] = [9042, 7000];
/** Each row is on this many nodes, if there are that many. */
const COPIES = 3;

const { settings, nodes, tlsCa, alertWebhook } = readJobSettings();
const { dataDir } = settings;
const cluster = { contactPoints: nodes.map((node) => `${node}:${CQL_PORT}`), localDataCenter: DATA_CENTER, tlsCa };
const replicationFactor = Math.min(COPIES, nodes.length);

function readJobSettings() {
  const schema = z.object({
    NODE_ENV: z.string().optional(),
    /** Read by `readSettings`; named here because production requires it. */
    CORS_ORIGINS: z.string().optional(),
    /** Names of all nodes; the file with the settings of each is named after it. */
    CASSANDRA_NODES: z
      .string()
      .default('cassandra')
      .transform((text) => text.split(',')),
    /** If set, every node has its certificate in `/tls`, and clients encrypt. */
    CASSANDRA_TLS_CA: z.string().optional(),
    /** Receives alerts, at the paths `/page`, `/ticket` and `/dead-man`; by default nobody does. */
    ALERT_WEBHOOK_URL: z.url().default(EXAMPLE_WEBHOOK),
  });
  try {
    const values = readConfig(schema, process.env);
    return {
      settings: readSettings(process.env),
      nodes: values.CASSANDRA_NODES,
      tlsCa: values.CASSANDRA_TLS_CA,
      alertWebhook: values.ALERT_WEBHOOK_URL,
    };
  } catch (error) {
    return giveUp(error);
  }
}

/** Makes secrets and keys, once, and gives each service only its own; writes the configuration of everything that isn't a service. */
async function init(): Promise<void> {
  const [secrets, keys] = await Promise.all([ensureSecrets(dataDir), ensureKeys(path.join(dataDir, 'keys'))]);
  for (const name of SERVICE_NAMES) await handOver(name, secrets, keys);
  // Grafana is another user; nobody else has this volume.
  await putWhole(path.join(SECRETS_FOLDER, 'grafana/grafana-password'), secrets.grafanaPassword, 0o644);
  await configureCassandra(path.join(SETTINGS_FOLDER, 'cassandra'));
  configureNginx(path.join(SETTINGS_FOLDER, 'nginx'));
  await configureMonitoring(path.join(SETTINGS_FOLDER, 'monitoring'));
}

async function handOver(name: ServiceName, secrets: Secrets, keys: KeyFiles): Promise<void> {
  const put = (file: string, text: string) => putWhole(path.join(SECRETS_FOLDER, name, file), text, 0o600);
  await put('cassandra-password', secrets.rolePasswords[KEYSPACES[name]]);
  if (name !== 'cart') await put('cursor-secret', secrets.cursorSecrets[name]);
  await put('service-key.json', await readFile(keys.serviceKey[name], 'utf8'));
  await put('services.json', await readFile(keys.publicServiceKeys, 'utf8'));
  await put('users.json', await readFile(keys.publicUserKeys, 'utf8'));
  if (name === 'user') await put('user-keys.json', await readFile(keys.userKeys, 'utf8'));
}

/** Replaces the whole file at once, since its reader may be restarting at the same time. */
async function putWhole(file: string, text: string, mode: number): Promise<void> {
  await writeFile(`${file}.new`, text, { mode });
  await rename(`${file}.new`, file);
}

async function configureCassandra(folder: string): Promise<void> {
  const server = path.join(REPOSITORY, 'cassandra/server');
  const seeds = nodes.map((node) => `${node}:${STORAGE_PORT}`);
  for (const [index, token] of ringTokens(nodes.length).entries()) {
    const node = nodes[index] as string;
    const yaml = await renderYaml({
      CLUSTER_NAME: 'Product Store',
      HOST: node,
      STORAGE_PORT,
      NATIVE_TRANSPORT_PORT: CQL_PORT,
      ...(nodes.length > 1 && ringSettings({ seeds, token, replicationFactor })),
      ...(tlsCa && { CLIENT_ENCRYPTION: toEncryptionOptions(path.join(CERTIFICATES_FOLDER, `${node}.pem`)) }),
    });
    await writeFile(path.join(folder, `${node}.yaml`), yaml);
  }
  const jvmOptions = await readFile(path.join(server, 'jvm.options'), 'utf8');
  const ofRing = nodes.length > 1 ? RING_JVM_OPTIONS.join('\n') : '';
  await writeFile(path.join(folder, 'jvm.options'), `${jvmOptions}${ofRing}\n`);
  await copyFile(path.join(server, 'cassandra-rackdc.properties'), path.join(folder, 'cassandra-rackdc.properties'));
  await copyFile(path.join(server, 'logback-container.xml'), path.join(folder, 'logback.xml'));
  await copyFile(path.join(REPOSITORY, 'jmx-agent.jar'), path.join(folder, 'jmx-agent.jar'));
  await copyFile(path.join(REPOSITORY, 'monitoring/cassandra-jmx.yml'), path.join(folder, 'jmx.yml'));
}

function configureNginx(configDir: string): void {
  renderGateway({
    configDir,
    stateDir: '/state',
    accessLogs: ['/dev/stdout', '/log/access.log'],
    errorLog: '/dev/stderr',
    listen: '8080',
    statusListen: '8004',
    servers: { resolver: DOCKER_DNS, port: SERVICE_PORT },
    docsDir: '/docs',
    limits: !settings.loadProfile,
    corsOrigins: settings.corsOrigins,
    trustedProxies: settings.trustedProxies,
    // It is in memory there, like the temporary files.
    cacheSize: '32m',
  });
}

async function configureMonitoring(folder: string): Promise<void> {
  await cp(path.join(REPOSITORY, 'monitoring'), folder, { recursive: true });
  const named = (name: string, port: number) => ({ names: [name], port });
  const configuration = renderPrometheus({
    rulesDir: '/settings/prometheus/rules',
    targets: {
      product: named('product', SERVICE_PORT),
      cart: named('cart', SERVICE_PORT),
      order: named('order', SERVICE_PORT),
      user: named('user', SERVICE_PORT),
      nginx: named('nginx-exporter', 9113),
      'nginx-log': named('mtail', 3903),
      cassandra: { names: nodes, port: 7070 },
      node: named('node-exporter', 9100),
      prometheus: ['127.0.0.1:9090'],
      alertmanager: named('alertmanager', 9093),
    },
  });
  await writeFile(path.join(folder, 'prometheus/prometheus.yml'), configuration);
  await writeFile(path.join(folder, 'alertmanager/alertmanager.yml'), renderAlertmanager(alertWebhook));
}

/** Tables, roles and the first admin. */
async function migrateStore(): Promise<void> {
  const secrets = await ensureSecrets(dataDir);
  const admin = { username: ADMIN_ROLE, password: secrets.cassandraPassword };
  await bootstrapAdmin({ ...cluster, admin });
  const { applied } = await migrate({ ...cluster, admin, passwords: secrets.rolePasswords, replicationFactor });
  console.log(`Tables are up to date; applied now: ${applied.join(', ') || 'none'}.`);
  const isNew = await ensureFirstAdmin(
    { cluster, secrets },
    {
      email: settings.adminEmail,
      password: settings.adminPassword ?? secrets.adminPassword,
      bcryptCost: settings.bcryptCost,
    },
  );
  console.log(`Admin ${settings.adminEmail} ${isNew ? 'is created' : 'existed already'}.`);
}

async function seed(): Promise<void> {
  const say = (event: StoreEvent) => {
    if (event.kind === 'began' || event.kind === 'done') console.log(event.text);
  };
  await ensureProducts({ dataDir, cluster, secrets: await ensureSecrets(dataDir) }, settings, say);
}

/** Accounts for load tests, whose password is public. */
async function shoppers(): Promise<void> {
  const { rolePasswords } = await ensureSecrets(dataDir);
  await seedUsers({
    ...cluster,
    keyspace: KEYSPACES.user,
    username: KEYSPACES.user,
    password: rolePasswords[KEYSPACES.user],
    users: SHOPPERS,
  });
  console.log(`${SHOPPERS} shoppers exist.`);
}

/** The generated one; if ADMIN_PASSWORD was set at the first start, that one applies instead. */
async function showAdminPassword(): Promise<void> {
  console.log((await ensureSecrets(dataDir)).adminPassword);
}

async function showGrafanaPassword(): Promise<void> {
  console.log((await ensureSecrets(dataDir)).grafanaPassword);
}

try {
  const job = JOBS[process.argv[2] ?? ''];
  if (!job) throw new StartError(`Name one of these jobs: ${Object.keys(JOBS).join(', ')}.`);
  await job();
} catch (error) {
  giveUp(error);
}

function giveUp(error: unknown): never {
  console.error(isExpected(error) ? error.message : error);
  // A client that could not connect may keep the process alive; Docker restarts the job only when it has ended.
  process.exit(1);
}
