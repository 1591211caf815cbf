import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Admin } from '../../../cassandra/admin-client.ts';
import { ensureJars } from '../src/cassandra/jars.ts';
import { type CassandraOptions, type CassandraServer, startCassandra } from '../src/cassandra/server.ts';
import { ringTokens } from '../src/cassandra/yaml.ts';
import { newPassword, ONE_COMPILER } from '../test-support/cassandra.ts';

/** Cassandra on 127.0.0.2, 127.0.0.3 and 127.0.0.4, with each row on all three. Nodes are numbered from 0. */
export interface ThreeNodes {
  /** Of all three, `host:port`. */
  readonly contactPoints: readonly string[];
  readonly first: { readonly host: string; readonly port: number };
  readonly admin: Admin;
  /** SIGKILL; resolves when the process has ended. */
  kill(node: number): Promise<void>;
  /** Restarts killed nodes on their data; resolves when all of them are ready. */
  start(...nodes: number[]): Promise<void>;
  stop(): Promise<void>;
}

export async function startThreeNodes(): Promise<ThreeNodes> {
  await ensureJars();
  const folder = await mkdtemp(join(tmpdir(), 'store-three-nodes-'));
  const hosts = ['127.0.0.2', '127.0.0.3', '127.0.0.4'];
  const tokens = ringTokens(hosts.length);
  const admin = { username: 'store_admin', password: newPassword() };
  // Below the range for outgoing connections, so that they are still free when a node comes back.
  const port = randomInt(22_000, 32_000);
  const storagePort = port + 1;
  const plans = hosts.map((host, node) => ({
    dataDir: join(folder, String(node)),
    admin,
    host,
    port,
    storagePort,
    jmxPort: port + 2 + node,
    heapMb: 400,
    jvmArgs: [ONE_COMPILER],
    ring: { seeds: hosts.map((each) => `${each}:${storagePort}`), token: tokens[node] as bigint, replicationFactor: 3 },
  })) satisfies CassandraOptions[];
  const servers: (CassandraServer | undefined)[] = [];

  async function start(...nodes: number[]): Promise<void> {
    await Promise.all(
      nodes.map(async (node) => {
        servers[node] = await startCassandra(plans[node] as CassandraOptions);
      }),
    );
    await Promise.all(nodes.map((node) => servers[node]?.ready));
  }

  async function kill(node: number): Promise<void> {
    servers[node]?.kill('SIGKILL');
    await servers[node]?.exited;
  }

  async function stop(): Promise<void> {
    process.removeListener('exit', killWithUs);
    await Promise.all(servers.map((_, node) => kill(node)));
    await rm(folder, { recursive: true, force: true });
  }

  function killWithUs(): void {
    for (const server of servers) server?.kill('SIGKILL');
  }

  process.once('exit', killWithUs);
  try {
    await start(0, 1, 2);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    contactPoints: plans.map(({ host }) => `${host}:${port}`),
    first: { host: hosts[0] as string, port },
    admin,
    kill,
    start,
    stop,
  };
}
