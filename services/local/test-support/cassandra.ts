import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auth, Client, types } from 'cassandra-driver';
import { type Admin, migrate, type RoleName, roleNames } from '../../../cassandra/migrate.ts';
import { type CassandraOptions, ensureCassandraJars, startCassandra } from '../src/cassandra-server.ts';

export const localDataCenter = 'datacenter1';

/** Every test file leaves about 20 tables, and each table keeps 0.3 MB of metrics: all files together fill 512 MB. */
const SHARED_HEAP_MB = 1024;

export interface TestCassandra {
  host: string;
  port: number;
  admin: Admin;
  /** Ends a server that this process started, and removes its data; one given by TEST_CASSANDRA it leaves alone. */
  stop(): Promise<void>;
}

export interface TestKeyspaces {
  contactPoints: string[];
  localDataCenter: string;
  admin: Admin;
  /** Stands before each keyspace and role: `<keyspacePrefix>product`. */
  keyspacePrefix: string;
  passwords: Record<RoleName, string>;
  stop(): Promise<void>;
}

let shared: Promise<TestCassandra> | undefined;

/**
 * A ready Cassandra: the one of TEST_CASSANDRA (JSON: host, port, adminUsername, adminPassword) if that is set, else one of its own,
 * started once for the process. Whoever asked calls `stop` when its tests are over.
 */
export function useCassandra(): Promise<TestCassandra> {
  shared ??= process.env.TEST_CASSANDRA ? given(process.env.TEST_CASSANDRA) : startTestCassandra();
  return shared;
}

/** The store's schema and roles on `useCassandra()`, under names that no other test uses. `prefix` is a hint for people, at most 10 letters. */
export async function useKeyspaces(prefix: string): Promise<TestKeyspaces> {
  const { host, port, admin, stop } = await useCassandra();
  const keyspacePrefix = `${prefix}_${randomBytes(3).toString('hex')}_`;
  const contactPoints = [`${host}:${port}`];
  const passwords = newPasswords();
  await migrate({ contactPoints, localDataCenter, admin, passwords, keyspacePrefix });
  return { contactPoints, localDataCenter, admin, keyspacePrefix, passwords, stop };
}

async function given(text: string): Promise<TestCassandra> {
  const { host, port, adminUsername, adminPassword } = JSON.parse(text);
  return { host, port, admin: { username: adminUsername, password: adminPassword }, stop: async () => {} };
}

async function startTestCassandra(): Promise<TestCassandra> {
  await ensureCassandraJars();
  const options = { ...(await newServerOptions()), heapMb: SHARED_HEAP_MB };
  const server = await startCassandra(options);
  const killWithUs = () => {
    process.kill(server.pid, 'SIGKILL');
  };
  process.once('exit', killWithUs);
  // A cut-off test run ends by a signal, which by itself skips 'exit' and would leave the server behind.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
  await server.ready;
  const stop = async () => {
    process.removeListener('exit', killWithUs);
    await server.kill();
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

export function newPasswords(): Record<RoleName, string> {
  const [product, cart, orders, users, audit] = roleNames.map(newPassword);
  if (!product || !cart || !orders || !users || !audit) throw new Error('a role without a password');
  return { product, cart, orders, users, audit };
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** A plain connection, as the named account sees the server. Throws the driver's error when it can't sign in. */
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
