import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auth, Client, types } from 'cassandra-driver';
import { connectDatabase, type Database } from '#platform/cassandra/database.ts';
import { silentLogger } from '#platform/logging.ts';
import { createMetrics } from '#platform/metrics.ts';
import type { Admin } from '../../../cassandra/admin-client.ts';
import type { RoleName } from '../../../cassandra/keyspaces.ts';
import { migrate } from '../../../cassandra/migrate.ts';
import { ensureJars } from '../src/cassandra/jars.ts';
import { type CassandraOptions, startCassandra } from '../src/cassandra/server.ts';
import { newRolePasswords } from '../src/secrets.ts';
import { freePort } from './free-port.ts';

export const localDataCenter = 'datacenter1';

/** For a short-lived Cassandra: Java's second compiler takes half of the cost of a start, which doesn't pay off in that time. */
export const ONE_COMPILER = '-XX:TieredStopAtLevel=1';

export interface TestCassandra {
  host: string;
  port: number;
  admin: Admin;
  /** Folder of the sets of keyspaces that may be reused; without it each is used once. */
  keyspacesDir?: string | undefined;
  /** Ends a server that this process started, and removes its data; leaves the one of TEST_CASSANDRA alone. */
  stop(): Promise<void>;
}

export interface TestKeyspaces {
  contactPoints: string[];
  localDataCenter: string;
  admin: Admin;
  /** Prefix of each keyspace and role: `<keyspacePrefix>product`. */
  keyspacePrefix: string;
  passwords: Record<RoleName, string>;
  /** Lets other tests use them; whatever used them must have stopped. */
  stop(): Promise<void>;
}

let shared: Promise<TestCassandra> | undefined;

/**
 * A ready Cassandra: that of TEST_CASSANDRA (JSON: host, port, adminUsername, adminPassword, keyspacesDir) if it is set, otherwise one
 * started once for this process. The caller calls `stop` when its tests are over.
 */
export function useCassandra(): Promise<TestCassandra> {
  shared ??= process.env.TEST_CASSANDRA ? given(process.env.TEST_CASSANDRA) : startTestCassandra();
  return shared;
}

/**
 * The store's schema and roles on `useCassandra()`, with empty tables, for the caller alone until `stop`. Another test reuses them after
 * they have been emptied, which takes half a second, where creating them takes five.
 */
export async function useKeyspaces(): Promise<TestKeyspaces> {
  const { keyspacesDir } = await useCassandra();
  if (keyspacesDir === undefined) return newKeyspaces();
  const [free, taken] = [join(keyspacesDir, 'free'), join(keyspacesDir, 'taken')];
  await Promise.all([free, taken].map((folder) => mkdir(folder, { recursive: true })));
  const used = await takeKeyspaces(free, taken);
  const keyspaces = used ?? (await newKeyspaces());
  const { keyspacePrefix: name } = keyspaces;
  if (used) await emptyTables(used);
  else await writeFile(join(taken, name), JSON.stringify(keyspaces));
  return { ...keyspaces, stop: () => rename(join(taken, name), join(free, name)) };
}

/** The same for a test that changes the schema or the roles: they aren't reused. */
export async function newKeyspaces(): Promise<TestKeyspaces> {
  const { host, port, admin, stop } = await useCassandra();
  const keyspacePrefix = `t_${randomBytes(3).toString('hex')}_`;
  const contactPoints = [`${host}:${port}`];
  const passwords = newRolePasswords();
  await migrate({ contactPoints, localDataCenter, admin, passwords, keyspacePrefix });
  return { contactPoints, localDataCenter, admin, keyspacePrefix, passwords, stop };
}

/** Moving the file claims the keyspaces; undefined if all are in use. */
async function takeKeyspaces(free: string, taken: string): Promise<Omit<TestKeyspaces, 'stop'> | undefined> {
  for (const name of await readdir(free)) {
    const isOurs = await rename(join(free, name), join(taken, name)).then(
      () => true,
      () => false,
    );
    if (isOurs) return JSON.parse(await readFile(join(taken, name), 'utf8'));
  }
  return undefined;
}

async function emptyTables({ contactPoints, admin, keyspacePrefix }: Omit<TestKeyspaces, 'stop'>): Promise<void> {
  const client = await connectAs(contactPoints, admin);
  try {
    const { rows } = await client.execute('SELECT keyspace_name, table_name FROM system_schema.tables');
    const tables = rows
      .map((row) => `${row.get('keyspace_name')}.${row.get('table_name')}`)
      .filter((table) => table.startsWith(keyspacePrefix) && !table.includes('.schema_'));
    await Promise.all(tables.map((table) => client.execute(`TRUNCATE ${table}`, [], { prepare: false })));
  } finally {
    await client.shutdown();
  }
}

async function given(text: string): Promise<TestCassandra> {
  const { host, port, adminUsername, adminPassword, keyspacesDir } = JSON.parse(text);
  const admin = { username: adminUsername, password: adminPassword };
  return { host, port, admin, keyspacesDir, stop: async () => {} };
}

async function startTestCassandra(): Promise<TestCassandra> {
  await ensureJars();
  const options = {
    ...(await newServerOptions()),
    // Its data is never used again: a schema that is only in memory is created in half the time.
    jvmArgs: ['-Dcassandra.test.flush_local_schema_changes=false'],
  };
  const server = await startCassandra(options);
  const killWithUs = () => server.kill('SIGKILL');
  process.once('exit', killWithUs);
  // An interrupted test run ends by a signal, which by itself skips 'exit' and would leave the server behind.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
  await server.ready;
  const stop = async () => {
    process.removeListener('exit', killWithUs);
    server.kill('SIGKILL');
    await server.exited;
    await rm(options.dataDir, { recursive: true, force: true });
  };
  return { host: options.host, port: options.port, admin: options.admin, stop };
}

/** A temporary data folder, free ports and a new superuser. */
export async function newServerOptions(): Promise<CassandraOptions & { host: string; port: number }> {
  const [port, storagePort, jmxPort] = await Promise.all([freePort(), freePort(), freePort()]);
  return {
    dataDir: await mkdtemp(join(tmpdir(), 'product-store-cassandra-')),
    host: '127.0.0.1',
    port,
    storagePort,
    jmxPort,
    heapMb: 512,
    admin: { username: 'store_admin', password: newPassword() },
  };
}

export const newPassword = () => randomBytes(32).toString('base64url');

/** How the service of `role` signs in. */
export function accountOf(
  { contactPoints, localDataCenter, keyspacePrefix, passwords }: TestKeyspaces,
  role: RoleName,
) {
  const name = `${keyspacePrefix}${role}`;
  return { contactPoints, localDataCenter, keyspace: name, username: name, password: passwords[role] };
}

/** The database as the service of `role` sees it. */
export function openDatabase(keyspaces: TestKeyspaces, role: RoleName): Promise<Database> {
  return connectDatabase(accountOf(keyspaces, role), createMetrics(), silentLogger);
}

/** A plain connection, as the named account sees the server. Throws the driver's error if it can't sign in. */
export async function connectAs(contactPoints: string[], account: Admin, keyspace?: string): Promise<Client> {
  const client = new Client({
    contactPoints,
    localDataCenter,
    ...(keyspace === undefined ? {} : { keyspace }),
    authProvider: new auth.PlainTextAuthProvider(account.username, account.password),
    protocolOptions: { maxVersion: types.protocolVersion.v4 },
    queryOptions: {
      prepare: true,
      consistency: types.consistencies.localQuorum,
      serialConsistency: types.consistencies.localSerial,
    },
    pooling: { coreConnectionsPerHost: { [types.distance.local]: 1 } },
    monitorReporting: { enabled: false },
  });
  try {
    await client.connect();
  } catch (error) {
    await client.shutdown();
    throw error;
  }
  return client;
}
