import { bootstrapAdmin } from '../../../../cassandra/bootstrap.ts';
import { migrate } from '../../../../cassandra/migrate.ts';
import { ensureJars, hasJars } from '../cassandra/jars.ts';
import { startCassandra } from '../cassandra/server.ts';
import type { Secrets } from '../secrets.ts';
import type { Supervised } from '../supervisor.ts';
import type { StartContext } from './start-context.ts';

export interface CassandraAdmin {
  readonly username: string;
  readonly password: string;
}

/** As in cassandra/server/cassandra-rackdc.properties. */
export const DATA_CENTER = 'datacenter1';
/** Superuser of Cassandra. */
export const ADMIN_ROLE = 'store_admin';

/** Starts Cassandra, unless the settings name a running server, and brings the tables up to date. Resolves to the server it started. */
export async function startDatabase(
  start: StartContext,
  { admin, secrets, contactPoint }: { admin: CassandraAdmin; secrets: Secrets; contactPoint: string },
): Promise<Supervised | undefined> {
  const { cassandra: running, keyspacePrefix } = start.settings;
  const cluster = { contactPoints: [contactPoint], localDataCenter: DATA_CENTER };
  if (running) await bootstrapAdmin({ ...cluster, admin });
  const cassandra = running ? undefined : await startServer(start, admin);
  await start.step('migrate', ['Cassandra: creating tables', 'Tables are up to date'], () =>
    migrate({
      ...cluster,
      admin,
      passwords: secrets.rolePasswords,
      replicationFactor: running?.replicationFactor ?? 1,
      ...(keyspacePrefix !== undefined && { keyspacePrefix }),
    }),
  );
  return cassandra;
}

async function startServer(start: StartContext, admin: CassandraAdmin): Promise<Supervised> {
  const { settings, ports } = start;
  if (hasJars()) await ensureJars();
  else {
    const texts = ['Cassandra: downloading 70 MB with Maven, once', 'Cassandra is downloaded'] as const;
    await start.step('jars', texts, ensureJars);
  }
  return start.step('cassandra', ['Cassandra: starting', 'Cassandra is ready'], () =>
    start.keep('cassandra', 'cassandra', () =>
      startCassandra({
        dataDir: start.inData('cassandra'),
        admin,
        port: ports.cassandra,
        storagePort: ports.cassandraStorage,
        jmxPort: ports.cassandraJmx,
        heapMb: settings.cassandraHeapMb,
        ...(settings.observe && { metricsPort: ports.cassandraMetrics }),
      }),
    ),
  );
}
