import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, errors, types } from 'cassandra-driver';
import type { Cluster } from '#platform/cassandra/cluster.ts';
import {
  type Admin,
  type ClusterOptions,
  createAdminClient,
  executeChange,
  quoteName,
  quoteText,
} from './admin-client.ts';
import { MigrationError } from './migration-error.ts';
import { forgetCachedRole } from './roles.ts';

export interface BootstrapOptions extends ClusterOptions {
  readonly admin: Admin;
  /** How long to wait for a server that is still starting. */
  readonly timeoutMs?: number;
}

type SignIn = 'done' | 'refused' | 'login disabled';

/** Nodes of a new cluster that don't see each other yet, or another node that has just begun to do the same. */
const ASSEMBLING: ReadonlySet<number> = new Set([
  types.responseErrorCodes.unavailableException,
  types.responseErrorCodes.writeTimeout,
  types.responseErrorCodes.readTimeout,
  types.responseErrorCodes.unauthorized,
]);

const RETRY_MS = 100;

/**
 * Makes `admin` the superuser of a fresh server and takes login and rights from cassandra/cassandra; on any other server only checks that
 * `admin` can sign in. Can be repeated, also after it was cut off. Throws MigrationError when neither account can sign in.
 */
export async function bootstrapAdmin(options: BootstrapOptions): Promise<void> {
  const { contactPoints, localDataCenter = 'datacenter1', tlsCa, admin, timeoutMs = 30_000 } = options;
  const cluster = { contactPoints, localDataCenter, tlsCa };
  if (admin.username === 'cassandra') throw new MigrationError('The superuser needs a name of its own, not cassandra.');
  const create = `CREATE ROLE IF NOT EXISTS ${quoteName(admin.username)} WITH PASSWORD = ${quoteText(admin.password)} AND LOGIN = true AND SUPERUSER = true`;
  const deadline = Date.now() + timeoutMs;
  let wasDisabled = false;
  for (;;) {
    const own = await asUser(cluster, admin, disableDefaultAccount);
    if (own === 'done') return;
    const fresh = await asUser(cluster, { username: 'cassandra', password: 'cassandra' }, (client) =>
      executeChange(client, create),
    );
    if (fresh === 'done') continue;
    // The server creates its default account only a moment after it opened the port (10 s unless configured otherwise).
    // If another runner disabled that account between our two attempts, it created ours first: so look once more.
    if ((fresh === 'login disabled' && wasDisabled) || Date.now() > deadline) {
      throw new MigrationError(
        `${admin.username} can't sign in to Cassandra at ${contactPoints.join(', ')}, and no default account is left: ` +
          'its data was made with another password. Give that password, or start with an empty data folder.',
      );
    }
    wasDisabled = fresh === 'login disabled';
    await sleep(RETRY_MS);
  }
}

async function asUser(cluster: Cluster, user: Admin, work: (client: Client) => Promise<void>): Promise<SignIn> {
  const client = createAdminClient(cluster, user);
  try {
    await client.connect();
    await work(client);
    return 'done';
  } catch (error) {
    if (error instanceof errors.ResponseError && ASSEMBLING.has(error.code)) return 'refused';
    const refusals = error instanceof errors.NoHostAvailableError ? Object.values(error.innerErrors) : [error];
    const refusal = refusals.find((each) => each instanceof errors.AuthenticationError);
    if (refusal === undefined) throw error;
    return /not permitted to log in/.test(refusal.message) ? 'login disabled' : 'refused';
  } finally {
    await client.shutdown();
  }
}

async function disableDefaultAccount(client: Client): Promise<void> {
  const { rows } = await client.execute(
    "SELECT can_login, is_superuser FROM system_auth.roles WHERE role = 'cassandra'",
  );
  const [row] = rows;
  if (!row?.get('can_login') && !row?.get('is_superuser')) return;
  await executeChange(client, 'ALTER ROLE cassandra WITH SUPERUSER = false AND LOGIN = false');
  await forgetCachedRole(client, 'cassandra');
}
