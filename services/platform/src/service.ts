import type { Express } from 'express';
import { readKeySet, readKeySetsByIssuer, readSigningKey } from './auth/keys.ts';
import { createRevocations, type Revocation, type Revocations } from './auth/revocations.ts';
import { createRevocationsClient } from './auth/revocations-client.ts';
import { createServiceTokenIssuer, createServiceTokenVerifier } from './auth/service-token.ts';
import { createUserTokenVerifier } from './auth/user-token.ts';
import { connectDatabase, type Database } from './cassandra/database.ts';
import { createServiceClient, type ServiceClient } from './client/service-client.ts';
import type { ServiceConfig } from './config.ts';
import { createHttpApp } from './http/app.ts';
import type { OpenApiDocument } from './http/openapi.ts';
import type { Route } from './http/route.ts';
import { createLogger, type Logger } from './logging.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import type { ServiceName } from './service-names.ts';

/** What a service stands on. */
export interface Platform {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly database: Database;
  /** A client of another service; closed with the platform. */
  clientOf(target: ServiceName): ServiceClient;
}

/** Something that runs alongside the requests; it is stopped once the last of them has been answered. */
export interface Worker {
  start?(): void;
  stop(): Promise<void> | void;
}

/** A service's own parts, joined by its `app.ts`. */
export interface ServiceParts {
  readonly routes: readonly Route[];
  readonly workers?: readonly Worker[];
  /** The revocations written since (epoch ms); if absent, the user service is polled. */
  listRevocations?(since: number): Promise<readonly Revocation[]>;
}

/** A service that is ready to listen. */
export interface Service {
  readonly app: Express;
  readonly document: OpenApiDocument;
  readonly revocations: Revocations;
  start(): void;
  /** Ends the workers once their current work is done, then the connections to other services and the database. */
  stop(): Promise<void>;
  /** From now on, the service reports that it isn't ready. */
  refuse(): void;
}

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
  const parts = await assemble({ logger, metrics, database, clientOf }, config);
  const revocations = createRevocations(parts.listRevocations ?? createRevocationsClient(clientOf('user')), logger);
  metrics.gauge(
    'revocations_age_seconds',
    'Time since the service last polled whose tokens are refused.',
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
    revocations,
    start() {
      for (const worker of workers) worker.start?.();
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
