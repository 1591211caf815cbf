import { createServer, type Server } from 'node:http';
import { Server as NetServer } from 'node:net';
import { hostname } from 'node:os';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Express } from 'express';
import type { z } from 'zod';
import { readKeySet, readKeySetsByIssuer, readSigningKey } from './auth/keys.ts';
import { createRevocations, type Revocation, type Revocations } from './auth/revocations.ts';
import { createRevocationsClient } from './auth/revocations-client.ts';
import { createServiceTokenIssuer, createServiceTokenVerifier } from './auth/service-token.ts';
import { createUserTokenVerifier } from './auth/user-token.ts';
import { connectDatabase, type Database } from './cassandra/database.ts';
import { createServiceClient, type ServiceClient } from './client/service-client.ts';
import { ConfigError, readConfig, type ServiceConfig, type serviceConfig } from './config.ts';
import { createHttpApp } from './http/app.ts';
import type { OpenApiDocument } from './http/openapi.ts';
import type { Route } from './http/route.ts';
import { createLogger, type Logger } from './logging.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { listenForProfiles } from './profiling.ts';
import type { ServiceName } from './service-names.ts';
import { startTracing, stopTracing } from './tracing/tracing.ts';

/** What a service stands on. */
export interface Platform {
  readonly name: ServiceName;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly database: Database;
  /** A client of another service; closed with the platform. */
  clientOf(target: ServiceName): ServiceClient;
}

/** Something that runs beside the requests; it stops when the last of them has its answer. */
export interface Worker {
  start(): void;
  stop(): Promise<void> | void;
}

/** A service's own parts, joined by its `app.ts`. */
export interface ServiceParts {
  readonly routes: readonly Route[];
  readonly workers?: readonly Worker[];
  /** Who may no longer use their tokens, since epoch ms; without it the user service is asked. */
  listRevocations?(since: number): Promise<readonly Revocation[]>;
}

/** A service that is ready to listen. */
export interface Service {
  readonly app: Express;
  readonly document: OpenApiDocument;
  readonly logger: Logger;
  readonly revocations: Revocations;
  start(): void;
  /** Ends the workers after what they have in hand, then the connections to others. */
  stop(): Promise<void>;
  /** From now on readiness says no. */
  refuse(): void;
}

/** ms that running requests get to end. */
const DRAIN_TIMEOUT = 20_000;
/** ms that idle connections are kept while draining: longer than Nginx passes over who refused a connection, so that it uses up those it has. */
const QUIET = 4000;
/** ms of one turn of the event loop that has nothing to do, and how long one is waited for. */
const IDLE_TURN = 0.1;
const IDLE_WITHIN = 4000;
/** ms; longer than the 55 s after which Nginx closes an idle connection, so that it never sends into a closed one. */
const KEEP_ALIVE = 75_000;
/** ms that a start waits to hear whose tokens are refused; it goes on without, for the user service may be away. */
const REVOCATIONS_WITHIN = 2000;
/** Connections that may wait to be accepted; Node's 511 is less than one flash sale, and Nginx waits 250 ms for a connection. */
const BACKLOG = 4096;

/** Builds a service: connects its database, makes its clients and mounts its routes. */
export async function createService<Config extends ServiceConfig>(
  name: ServiceName,
  config: Config,
  assemble: (platform: Platform, config: Config) => ServiceParts | Promise<ServiceParts>,
  logger: Logger = createLogger(name, config.LOG_LEVEL),
): Promise<Service> {
  const metrics = createMetrics();
  const urls = { product: config.PRODUCT_URL, cart: config.CART_URL, order: config.ORDER_URL, user: config.USER_URL };
  const issueToken = createServiceTokenIssuer(name, readSigningKey(config.SERVICE_KEY_FILE));
  const database = await connectDatabase(toDatabaseOptions(config), metrics, logger);
  const clients: ServiceClient[] = [];
  let isAccepting = true;

  const clientOf = (target: ServiceName) => {
    const client = createServiceClient(
      { target, baseUrls: urls[target], circuit: toCircuitSettings(config), issueToken },
      metrics,
      logger,
    );
    clients.push(client);
    return client;
  };
  const parts = await assemble({ name, logger, metrics, database, clientOf }, config);
  const revocations = createRevocations(parts.listRevocations ?? createRevocationsClient(clientOf('user')), logger);
  metrics.gauge(
    'revocations_age_seconds',
    'Time since the service last heard whose tokens are refused.',
    [],
    () => revocations.age() / 1000,
  );
  const workers: readonly Worker[] = [revocations, ...(parts.workers ?? [])];
  const { app, document } = createHttpApp(name, parts.routes, {
    metrics,
    logger,
    verifiers: {
      verifyUser: createUserTokenVerifier(readKeySet(config.USER_KEYS_FILE), revocations.isRevoked),
      verifyService: createServiceTokenVerifier(name, readKeySetsByIssuer(config.SERVICE_KEYS_FILE)),
    },
    system: { services: urls, isDatabaseReachable: () => database.isReachable(), isAccepting: () => isAccepting },
  });

  return {
    app,
    document,
    logger,
    revocations,
    start() {
      for (const worker of workers) worker.start();
    },
    async stop() {
      await Promise.all(workers.map((worker) => worker.stop()));
      await Promise.all(clients.map((client) => client.close()));
      await database.close();
    },
    refuse() {
      isAccepting = false;
    },
  };
}

/** The whole life of a service's process: settings, listening, and an orderly end on SIGTERM or SIGINT. */
export async function runService<Schema extends typeof serviceConfig>(
  name: ServiceName,
  schema: Schema,
  assemble: (platform: Platform, config: z.output<Schema>) => ServiceParts | Promise<ServiceParts>,
): Promise<void> {
  const config = readConfigOrExit(schema);
  const logger = createLogger(name, config.LOG_LEVEL);
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_TRACES_SAMPLER_ARG: share } = config;
  if (endpoint)
    await startTracing({ service: name, instance: `${hostname()}:${config.PORT}`, endpoint, share, logger });
  const service = await createService(name, config, assemble, logger);
  const server = createServer(
    { keepAliveTimeout: KEEP_ALIVE, headersTimeout: 15_000, requestTimeout: 15_000 },
    service.app,
  );
  service.start();
  await Promise.race([service.revocations.asked, sleep(REVOCATIONS_WITHIN)]);
  await listen(server, config);
  listenForProfiles(name, logger);
  service.logger.info('listening', `${name} listens on ${config.HOST}:${config.PORT}.`);

  let stopping = false;
  const stop = async (signal: NodeJS.Signals) => {
    if (stopping) return;
    stopping = true;
    service.logger.info('stopping', `Stopping on ${signal}.`);
    service.refuse();
    await drain(server);
    await service.stop();
    await stopTracing();
    process.exit(0);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

function readConfigOrExit<Schema extends z.ZodObject>(schema: Schema): z.output<Schema> {
  try {
    return readConfig(schema, process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(78);
  }
}

function listen(server: Server, { PORT, HOST }: ServiceConfig): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: PORT, host: HOST, backlog: BACKLOG }, resolve);
  });
}

/**
 * Takes no new connections and closes each after its next answer. An idle one may carry a request at this very moment, which would be
 * lost with it: idle ones are closed only when their owners had time to see the other side gone.
 */
export async function drain(server: Server): Promise<void> {
  server.prependListener('request', (_request, response) => response.setHeader('Connection', 'close'));
  await idleMoment();
  // As `http.Server.close` would, but without closing the idle ones at once.
  const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
  const quiet = setInterval(() => server.closeIdleConnections(), QUIET);
  const overdue = setTimeout(() => server.closeAllConnections(), DRAIN_TIMEOUT);
  await closed;
  clearInterval(quiet);
  clearTimeout(overdue);
}

/** Closing a listener resets the connections that it hasn't accepted yet, with the requests in them; in an idle turn there are none. */
async function idleMoment(): Promise<void> {
  const deadline = performance.now() + IDLE_WITHIN;
  // What is left of the present turn accepts nothing any more.
  await nextTurn();
  for (let beganAt = performance.now(); beganAt < deadline; beganAt = performance.now()) {
    await nextTurn();
    if (performance.now() - beganAt < IDLE_TURN) return;
  }
}

function toDatabaseOptions(config: ServiceConfig) {
  return {
    contactPoints: config.CASSANDRA_CONTACT_POINTS,
    localDataCenter: config.CASSANDRA_LOCAL_DATACENTER,
    tlsCa: config.CASSANDRA_TLS_CA,
    keyspace: config.CASSANDRA_KEYSPACE,
    username: config.CASSANDRA_USERNAME,
    password: config.CASSANDRA_PASSWORD,
  };
}

function toCircuitSettings(config: ServiceConfig) {
  return {
    failureThreshold: config.CIRCUIT_BREAKER_FAILURE_THRESHOLD,
    timeoutMs: config.CIRCUIT_BREAKER_TIMEOUT,
    successThreshold: config.CIRCUIT_BREAKER_SUCCESS_THRESHOLD,
  };
}
