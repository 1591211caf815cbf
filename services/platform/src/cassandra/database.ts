import { setTimeout as sleep } from 'node:timers/promises';
import { auth, Client, type ClientOptions, ExecutionProfile, errors, policies, types } from 'cassandra-driver';
import { databaseUnavailable } from '../errors.ts';
import type { Logger } from '../logging.ts';
import type { Metrics } from '../metrics.ts';
import { startClientSpan } from '../tracing/tracing.ts';
import { type Cluster, toClusterOptions } from './cluster.ts';
import { NextNodeRetryPolicy } from './next-node-retry.ts';
import { PrimaryReplicaFirstPolicy } from './primary-replica-first.ts';

export type Row = types.Row;
/** A statement and its values, in the order of its question marks. `undefined` leaves a column unchanged; never null. */
export interface Statement {
  readonly query: string;
  readonly params: readonly unknown[];
}

/**
 * The outcome of a conditional write. If it wasn't applied, `rows` are those whose conditions failed. `uncertain` means that an earlier
 * attempt got no answer: that attempt itself may then be why the condition failed, and the caller must find out.
 */
export type Outcome =
  | { readonly applied: true; readonly uncertain: boolean }
  | { readonly applied: false; readonly uncertain: boolean; readonly rows: readonly Row[] };

/**
 * One service's keyspace. `name` is a short static name for the statement, e.g. 'stock.hold': the label of its metrics. Throws Unavailable
 * (503) if the database doesn't respond in time; the outcome is then unknown.
 */
export interface Database {
  /** Reads all rows, at LOCAL_QUORUM, or with `serial` at LOCAL_SERIAL if a decision depends on the latest conditional write. */
  read(name: string, query: string, params: readonly unknown[], options?: { serial?: boolean }): Promise<Row[]>;
  /** Writes absolute values to a table without conditional writes; the driver may repeat it. */
  write(name: string, query: string, params: readonly unknown[]): Promise<void>;
  /** The same for several statements in one message; those on the same partition become visible together. */
  writeTogether(name: string, statements: readonly Statement[]): Promise<void>;
  /**
   * A conditional write (Paxos) of one or more statements on one partition. Without an answer it is repeated up to twice: once it has been
   * applied, its condition must refuse a repetition.
   */
  conditional(name: string, statements: readonly Statement[]): Promise<Outcome>;
  /** True if the database responds within 500 ms. */
  isReachable(): Promise<boolean>;
  /** Waits (at most 10 s) until nothing is in flight, then closes; the driver's own shutdown doesn't wait. */
  close(): Promise<void>;
}

export interface DatabaseOptions extends Cluster {
  readonly keyspace: string;
  readonly username: string;
  readonly password: string;
}

const { localQuorum, localSerial } = types.consistencies;
/** Longer than the server's own timeout of 1 s, so that the server's error arrives first and outcomes aren't needlessly unknown. */
const CLIENT_TIMEOUT_MS = 1500;
const REACHABLE_WITHIN_MS = 500;
const CONDITIONAL_ATTEMPTS = 3;
const SPAN_FACTS = { 'db.system.name': 'cassandra' };

export async function connectDatabase(options: DatabaseOptions, metrics: Metrics, logger: Logger): Promise<Database> {
  const client = new Client(toClientOptions(options));
  client.on('log', (level, source, message) => {
    if (level === 'error' || level === 'warning') logger.warn('cassandra_driver', `${source}: ${message}`);
  });
  await client.connect();
  return createDatabase(client, metrics, logger);
}

function toClientOptions(options: DatabaseOptions): ClientOptions {
  const lwt = new ExecutionProfile('lwt', {
    consistency: localQuorum,
    serialConsistency: localSerial,
    readTimeout: CLIENT_TIMEOUT_MS,
    retry: new policies.retry.FallthroughRetryPolicy(),
    loadBalancing: new PrimaryReplicaFirstPolicy(options.localDataCenter),
  });
  const serial = new ExecutionProfile('serial', { consistency: localSerial, readTimeout: CLIENT_TIMEOUT_MS });
  return {
    ...toClusterOptions(options),
    keyspace: options.keyspace,
    authProvider: new auth.PlainTextAuthProvider(options.username, options.password),
    queryOptions: { prepare: true, consistency: localQuorum, serialConsistency: localSerial, fetchSize: 1000 },
    socketOptions: { readTimeout: CLIENT_TIMEOUT_MS, connectTimeout: 3000 },
    pooling: { coreConnectionsPerHost: { [types.distance.local]: 2 }, heartBeatInterval: 15_000 },
    policies: {
      retry: new policies.retry.IdempotenceAwareRetryPolicy(new NextNodeRetryPolicy()),
      reconnection: new policies.reconnection.ExponentialReconnectionPolicy(200, 5000, false),
    },
    encoding: { useUndefinedAsUnset: true },
    profiles: [lwt, serial],
  };
}

function createDatabase(client: Client, metrics: Metrics, logger: Logger): Database {
  const duration = metrics.histogram('cassandra_query_duration_seconds', 'Duration of a statement, by its name.', [
    'query',
    'outcome',
  ]);
  metrics.gauge('cassandra_in_flight_queries', 'Queries sent and not yet answered.', queriesInFlight);
  metrics.gauge('cassandra_open_connections', 'Connections to Cassandra nodes.', () => {
    const state = client.getState();
    return state.getConnectedHosts().reduce((sum, host) => sum + state.getOpenConnections(host), 0);
  });
  metrics.gauge('cassandra_connected_nodes', 'Cassandra nodes with an open connection.', () => {
    const state = client.getState();
    return state.getConnectedHosts().filter((host) => state.getOpenConnections(host) > 0).length;
  });

  function queriesInFlight(): number {
    const state = client.getState();
    return state.getConnectedHosts().reduce((sum, host) => sum + state.getInFlightQueries(host), 0);
  }

  async function measured<Result>(query: string, work: () => Promise<Result>): Promise<Result> {
    const span = startClientSpan(query);
    const startedAt = performance.now();
    let outcome = 'error';
    try {
      const result = await work();
      outcome = 'ok';
      return result;
    } finally {
      duration.observe({ query, outcome }, (performance.now() - startedAt) / 1000);
      span?.end({ attributes: SPAN_FACTS, failed: outcome === 'error' });
    }
  }

  async function attempt<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await measured(name, work);
    } catch (cause) {
      throw isOutage(cause) ? databaseUnavailable(cause) : cause;
    }
  }

  return {
    async read(name, query, params, { serial = false } = {}) {
      const options = serial ? { executionProfile: 'serial', isIdempotent: true } : { isIdempotent: true };
      const readFrom = (pageState?: string) =>
        attempt(name, () => client.execute(query, [...params], pageState ? { ...options, pageState } : options));
      let { rows, pageState } = await readFrom();
      while (pageState) {
        const next = await readFrom(pageState);
        rows = [...rows, ...next.rows];
        pageState = next.pageState;
      }
      return rows;
    },

    async write(name, query, params) {
      await attempt(name, () => client.execute(query, [...params], { isIdempotent: true }));
    },

    async writeTogether(name, statements) {
      const batch = statements.map(({ query, params }) => ({ query, params: [...params] }));
      await attempt(name, () => client.batch(batch, { logged: false, isIdempotent: true }));
    },

    async conditional(name, statements) {
      const batch = statements.map(({ query, params }) => ({ query, params: [...params] }));
      const [first] = batch;
      const send = () =>
        first && batch.length === 1
          ? client.execute(first.query, first.params, { executionProfile: 'lwt' })
          : client.batch(batch, { executionProfile: 'lwt' });

      for (let attempts = 1; ; attempts += 1) {
        try {
          const result = await measured(name, send);
          const uncertain = attempts > 1;
          return result.wasApplied()
            ? { applied: true, uncertain }
            : { applied: false, uncertain, rows: result.rows ?? [] };
        } catch (cause) {
          if (!isOutage(cause)) throw cause;
          if (attempts === CONDITIONAL_ATTEMPTS) throw databaseUnavailable(cause);
          logger.debug('conditional_write_repeated', `No answer to ${name}; repeating it.`, { cause });
          await sleep(5 + Math.random() * 45 * attempts);
        }
      }
    },

    async isReachable() {
      try {
        await client.execute('SELECT release_version FROM system.local', [], {
          isIdempotent: true,
          readTimeout: REACHABLE_WITHIN_MS,
        });
        return true;
      } catch {
        return false;
      }
    },

    async close() {
      const deadline = Date.now() + 10_000;
      while (queriesInFlight() > 0 && Date.now() < deadline) await sleep(10);
      await client.shutdown();
    },
  };
}

/** True if the server or the connection failed; an invalid statement is a fault of ours, not an outage. */
function isOutage(error: unknown): boolean {
  if (error instanceof errors.ResponseError) return OUTAGE_CODES.has(error.code) || arePermissionsUnknown(error);
  return (
    error instanceof errors.NoHostAvailableError ||
    error instanceof errors.OperationTimedOutError ||
    error instanceof errors.BusyConnectionError ||
    (error instanceof Error && 'isSocketError' in error)
  );
}

/** True if too few nodes are up to look up our role's permissions; a missing permission has a different message. */
function arePermissionsUnknown({ code: given, message }: errors.ResponseError): boolean {
  return given === code.unauthorized && message.startsWith('Unable to perform authorization');
}

const { responseErrorCodes: code } = types;
const OUTAGE_CODES = new Set<number>([
  code.serverError,
  code.overloaded,
  code.isBootstrapping,
  code.unavailableException,
  code.readTimeout,
  code.readFailure,
  code.writeTimeout,
  code.writeFailure,
]);
