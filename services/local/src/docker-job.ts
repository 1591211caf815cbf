import { copyFile, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { ConfigError, readConfig } from '#platform/config.ts';
import { bootstrapAdmin, MigrationError, migrate } from '../../../cassandra/migrate.ts';
import { renderGateway } from '../../../nginx/gateway.ts';
import { renderYaml, ringSettings, ringTokens, toEncryptionOptions } from './cassandra-server.ts';
import { ensureFirstAdmin } from './first-admin.ts';
import { ensureKeys, type KeyFiles } from './keys.ts';
import { ensureProducts } from './open-shop.ts';
import { ensureSecrets, type Secrets } from './secrets.ts';
import { REPOSITORY, readSettings, SERVICE_NAMES, type ServiceName } from './settings.ts';
import { StartError } from './start-error.ts';
import { ADMIN_ROLE, DATA_CENTER, type StoreEvent } from './store.ts';

/** The steps of a start that docker-compose.yml runs as containers of their own, each before what needs it. All may be repeated. */
const JOBS: Readonly<Record<string, () => Promise<void>>> = {
  init,
  migrate: migrateStore,
  seed,
  'admin-password': showAdminPassword,
};

/** Where docker-compose.yml mounts the volumes; each service has its own of the first as `/secrets`. */
const SECRETS_FOLDER = '/handover';
const SETTINGS_FOLDER = '/settings';
const CERTIFICATES_FOLDER = '/tls';
/** Names and ports inside of the network of docker-compose.yml. */
const DOCKER_DNS = '127.0.0.11';
const SERVICE_PORT = 8000;
const [CQL_PORT, STORAGE_PORT] = [9042, 7000];
/** Each row is on as many nodes, if there are so many. */
const COPIES = 3;
const ROLES = { product: 'product', cart: 'cart', order: 'orders', user: 'users' } as const;

const { settings, nodes, tlsCa } = readJobSettings();
const { dataDir } = settings;
const cluster = { contactPoints: nodes.map((node) => `${node}:${CQL_PORT}`), localDataCenter: DATA_CENTER, tlsCa };
const replicationFactor = Math.min(COPIES, nodes.length);

function readJobSettings() {
  const schema = z.object({
    NODE_ENV: z.string().optional(),
    /** Read by `readSettings`; named here because production must say it. */
    CORS_ORIGINS: z.string().optional(),
    /** Names of all nodes; the file with the settings of each is named after it. */
    CASSANDRA_NODES: z
      .string()
      .default('cassandra')
      .transform((text) => text.split(',')),
    /** With it every node has its certificate in `/tls`, and clients encrypt. */
    CASSANDRA_TLS_CA: z.string().optional(),
  });
  try {
    const values = readConfig(schema, process.env);
    return { settings: readSettings(process.env), nodes: values.CASSANDRA_NODES, tlsCa: values.CASSANDRA_TLS_CA };
  } catch (error) {
    return giveUp(error);
  }
}

/** Makes secrets and keys, once, and gives each service its own alone; writes the configuration of Cassandra and Nginx. */
async function init(): Promise<void> {
  const [secrets, keys] = await Promise.all([ensureSecrets(dataDir), ensureKeys(path.join(dataDir, 'keys'))]);
  for (const name of SERVICE_NAMES) await handOver(name, secrets, keys);
  await configureCassandra(path.join(SETTINGS_FOLDER, 'cassandra'));
  configureNginx(path.join(SETTINGS_FOLDER, 'nginx'));
}

async function handOver(name: ServiceName, secrets: Secrets, keys: KeyFiles): Promise<void> {
  const put = async (file: string, text: string) => {
    // Whole or not at all: a service may be starting again while this runs.
    const target = path.join(SECRETS_FOLDER, name, file);
    await writeFile(`${target}.new`, text, { mode: 0o600 });
    await rename(`${target}.new`, target);
  };
  await put('cassandra-password', secrets.rolePasswords[ROLES[name]]);
  if (name !== 'cart') await put('cursor-secret', secrets.cursorSecrets[name]);
  await put('service-key.json', await readFile(keys.serviceKey[name], 'utf8'));
  await put('services.json', await readFile(keys.publicServiceKeys, 'utf8'));
  await put('users.json', await readFile(keys.publicUserKeys, 'utf8'));
  if (name === 'user') await put('user-keys.json', await readFile(keys.userKeys, 'utf8'));
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
  for (const file of ['jvm.options', 'cassandra-rackdc.properties'])
    await copyFile(path.join(server, file), path.join(folder, file));
  await copyFile(path.join(server, 'logback-container.xml'), path.join(folder, 'logback.xml'));
}

function configureNginx(configDir: string): void {
  renderGateway({
    configDir,
    stateDir: '/state',
    accessLog: '/dev/stdout',
    errorLog: '/dev/stderr',
    listen: '8080',
    statusListen: '8004',
    servers: { resolver: DOCKER_DNS, port: SERVICE_PORT },
    limits: !settings.loadProfile,
    corsOrigins: settings.corsOrigins,
    // In memory there, as the temporary files are.
    cacheSize: '32m',
  });
}

/** Tables, roles and the first admin. */
async function migrateStore(): Promise<void> {
  const secrets = await ensureSecrets(dataDir);
  const admin = { username: ADMIN_ROLE, password: secrets.cassandraPassword };
  await bootstrapAdmin({ ...cluster, admin });
  const { applied } = await migrate({ ...cluster, admin, passwords: secrets.rolePasswords, replicationFactor });
  console.log(`Tables are there; applied now: ${applied.join(', ') || 'none'}.`);
  const isNew = await ensureFirstAdmin(
    { cluster, secrets },
    {
      email: settings.adminEmail,
      password: settings.adminPassword ?? secrets.adminPassword,
      bcryptCost: settings.bcryptCost,
    },
  );
  console.log(`Admin ${settings.adminEmail} ${isNew ? 'is made' : 'was there'}.`);
}

async function seed(): Promise<void> {
  const say = (event: StoreEvent) => {
    if (event.kind === 'began' || event.kind === 'done') console.log(event.text);
  };
  await ensureProducts({ dataDir, cluster, secrets: await ensureSecrets(dataDir) }, settings, say);
}

/** The one that was made; where ADMIN_PASSWORD gave another at the first start, that one holds. */
async function showAdminPassword(): Promise<void> {
  console.log((await ensureSecrets(dataDir)).adminPassword);
}

try {
  const job = JOBS[process.argv[2] ?? ''];
  if (!job) throw new StartError(`One of these is wanted: ${Object.keys(JOBS).join(', ')}.`);
  await job();
} catch (error) {
  giveUp(error);
}

function giveUp(error: unknown): never {
  const isExpected = [StartError, ConfigError, MigrationError].some((kind) => error instanceof kind);
  console.error(isExpected ? (error as Error).message : error);
  // A client that could not connect may still hold the process; Docker starts the job again only when it has ended.
  process.exit(1);
}
