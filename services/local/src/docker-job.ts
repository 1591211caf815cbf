import { copyFile, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ConfigError } from '#platform/config.ts';
import { bootstrapAdmin, MigrationError, migrate } from '../../../cassandra/migrate.ts';
import { renderGateway } from '../../../nginx/gateway.ts';
import { renderYaml } from './cassandra-server.ts';
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
/** Names and ports inside of the network of docker-compose.yml. */
const DOCKER_DNS = '127.0.0.11';
const SERVICE_PORT = 8000;
const CONTACT_POINT = 'cassandra:9042';
const ROLES = { product: 'product', cart: 'cart', order: 'orders', user: 'users' } as const;

const settings = readSettings(process.env);
const { dataDir } = settings;

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
  const values = { CLUSTER_NAME: 'Product Store', HOST: 'cassandra', STORAGE_PORT: 7000, NATIVE_TRANSPORT_PORT: 9042 };
  await writeFile(path.join(folder, 'cassandra.yaml'), await renderYaml(values));
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
  const server = { contactPoints: [CONTACT_POINT], localDataCenter: DATA_CENTER, admin };
  await bootstrapAdmin(server);
  const { applied } = await migrate({ ...server, passwords: secrets.rolePasswords });
  console.log(`Tables are there; applied now: ${applied.join(', ') || 'none'}.`);
  const isNew = await ensureFirstAdmin(
    { contactPoint: CONTACT_POINT, secrets },
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
  await ensureProducts({ dataDir, contactPoint: CONTACT_POINT, secrets: await ensureSecrets(dataDir) }, settings, say);
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
  const isExpected = [StartError, ConfigError, MigrationError].some((kind) => error instanceof kind);
  console.error(isExpected ? (error as Error).message : error);
  // A client that could not connect may still hold the process; Docker starts the job again only when it has ended.
  process.exit(1);
}
