import { setTimeout as sleep } from 'node:timers/promises';
import { auth, Client, errors, types } from 'cassandra-driver';
import { type Cluster, toClusterOptions } from '#platform/cassandra/cluster.ts';
import { MigrationError } from './migration-error.ts';

export interface Admin {
  readonly username: string;
  readonly password: string;
}

/** The data centre is datacenter1 if none is named. */
export type ClusterOptions = Omit<Cluster, 'localDataCenter'> & Partial<Pick<Cluster, 'localDataCenter'>>;

const AGREEMENT_WAIT_SECONDS = 30;
const MAX_ATTEMPTS = 5;
const PAUSE_MS = 100;

/** A client for changes of schema and roles. */
export function createAdminClient(cluster: Cluster, user: Admin): Client {
  const { protocolOptions, ...options } = toClusterOptions(cluster);
  return new Client({
    ...options,
    authProvider: new auth.PlainTextAuthProvider(user.username, user.password),
    protocolOptions: { ...protocolOptions, maxSchemaAgreementWaitSeconds: AGREEMENT_WAIT_SECONDS },
    queryOptions: { consistency: types.consistencies.localQuorum, serialConsistency: types.consistencies.localSerial },
    pooling: { coreConnectionsPerHost: { [types.distance.local]: 1 }, heartBeatInterval: 0 },
    // Schema changes take longer than requests do; nobody here looks at the driver's own picture of the schema.
    socketOptions: { readTimeout: 30_000, connectTimeout: 5_000 },
    isMetadataSyncEnabled: false,
    monitorReporting: { enabled: false },
  });
}

/** Executes a change of schema or roles; resolves once all nodes agree on the schema. */
export async function executeChange(client: Client, cql: string): Promise<void> {
  const { info } = await client.execute(cql);
  // The driver waits for the agreement and then says so here, though its types don't.
  if ('isSchemaInAgreement' in info && info.isSchemaInAgreement === false) {
    throw new MigrationError(
      `The nodes don't agree on the schema after ${AGREEMENT_WAIT_SECONDS} s: see \`nodetool describecluster\`.`,
    );
  }
}

/** Repeats `work`, which must be repeatable, while the server doesn't know whether it was done; gives up after five attempts. */
export async function retryWriteTimeouts<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const isUnknown = error instanceof errors.ResponseError && error.code === types.responseErrorCodes.writeTimeout;
      if (!isUnknown || attempt === MAX_ATTEMPTS) throw error;
      await sleep(PAUSE_MS * attempt);
    }
  }
}

export const quoteName = (name: string) => `"${name.replaceAll('"', '""')}"`;
export const quoteText = (text: string) => `'${text.replaceAll("'", "''")}'`;
