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
/** Statement and its values, in the order of its question marks. `undefined` leaves a column as it is; never null. */
export interface Statement {
  readonly query: string;
  readonly params: readonly unknown[];
}

/**
 * What became of a conditional write. A refusal carries the rows whose conditions failed. `uncertain` says that an earlier attempt got
 * no answer: a refusal may then be the work of that very attempt, and the caller looks whether it was.
 */
export type Outcome =
  | { readonly applied: true; readonly uncertain: boolean }
  | { readonly applied: false; readonly uncertain: boolean; readonly rows: readonly Row[] };

/**
 * One service's keyspace. `name` is a short static name of the statement, e.g. 'stock.hold': the label of its metrics.
 * What the database can't do in time is Unavailable (503), and its outcome unknown.
 */
export interface Database {
  /** Reads all rows, at LOCAL_QUORUM, or at LOCAL_SERIAL where a decision depends on the last conditional write. */
  read(name: string, query: string, params: readonly unknown[], options?: { serial?: boolean }): Promise<Row[]>;
  /** Writes absolute values to a table that no conditional write touches; may be repeated by the driver. */
  write(name: string, query: string, params: readonly unknown[]): Promise<void>;
  /** The same for several statements in one message; those on one partition become visible together. */
  writeTogether(name: string, statements: readonly Statement[]): Promise<void>;
  /**
   * A conditional write (Paxos), one or more statements on one partition. Without an answer it is repeated up to twice: the statement
   * must be refused, not applied again, when its first attempt has been applied.
   */
  conditional(name: string, statements: readonly Statement[]): Promise<Outcome>;
  /** True when the database answers within 500 ms. */
  isReachable(): Promise<boolean>;
  /** Waits (at most 10 s) until nothing is in flight, then closes: the driver's own shutdown doesn't wait. */
  close(): Promise<void>;
}

export interface DatabaseOptions extends Cluster {
  readonly keyspace: string;
  readonly username: string;
  readonly password: string;
}

const { localQuorum, localSerial } = types.consistencies;
/** ms; longer than the server's own 1 s, so that the server answers first and outcomes don't become unknown for nothing. */
const CLIENT_TIMEOUT = 1500;
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
    readTimeout: CLIENT_TIMEOUT,
    retry: new policies.retry.FallthroughRetryPolicy(),
    loadBalancing: new PrimaryReplicaFirstPolicy(options.localDataCenter),
  });
  const serial = new ExecutionProfile('serial', { consistency: localSerial, readTimeout: CLIENT_TIMEOUT });
  return {
    ...toClusterOptions(options),
    keyspace: options.keyspace,
    authProvider: new auth.PlainTextAuthProvider(options.username, options.password),
    queryOptions: { prepare: true, consistency: localQuorum, serialConsistency: localSerial, fetchSize: 1000 },
    socketOptions: { readTimeout: CLIENT_TIMEOUT, connectTimeout: 3000 },
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
  const duration = metrics.histogram('cassandra_query_duration_seconds', 'Time of a statement, by its name.', [
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
          logger.debug('conditional_write_repeated', `No answer to ${name}; asking again.`, { cause });
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

/** The server or the way to it failed; a statement that is wrong in itself is a fault of ours and no outage. */
function isOutage(error: unknown): boolean {
  if (error instanceof errors.ResponseError) return OUTAGE_CODES.has(error.code) || isUnknownRights(error);
  return (
    error instanceof errors.NoHostAvailableError ||
    error instanceof errors.OperationTimedOutError ||
    error instanceof errors.BusyConnectionError ||
    (error instanceof Error && 'isSocketError' in error)
  );
}

/** Too few nodes are there to look the rights of our role up; rights that it doesn't have are refused in other words. */
function isUnknownRights({ code: given, message }: errors.ResponseError): boolean {
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
