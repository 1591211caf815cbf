import { realpathSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { currency, delay, openTelemetry, readConfig } from '#platform/config.ts';
import type { ServiceName } from '#platform/service-names.ts';
import { isAddressOrNetwork, isOrigin } from '../../../nginx/gateway.ts';
import { weakPassword } from '../../user/src/users/password.ts';
import { isEmail, normalizeEmail } from '../../user/src/users/user.ts';

export const REPOSITORY = path.resolve(import.meta.dirname, '../../..');

/** What a start of the whole store depends on. */
export interface StoreSettings {
  /** Absolute, without symbolic links; everything that the store writes is in it. */
  readonly dataDir: string;
  /** Where Nginx listens. */
  readonly host: string;
  readonly port: number;
  readonly innerPortOffset: number;
  /** Processes of each service. */
  readonly replicas: number;
  readonly adminEmail: string;
  /** By default one is generated and kept in DATA_DIR. */
  readonly adminPassword?: string | undefined;
  /** Origins whose pages may read responses. */
  readonly corsOrigins: readonly string[];
  /** Addresses and networks of proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  /** True lifts Nginx's limits. */
  readonly loadProfile: boolean;
  /** True starts Prometheus, Alertmanager and exporters too, and gives Cassandra its JMX agent. */
  readonly observe: boolean;
  readonly seedProducts: number;
  readonly cassandraHeapMb: number;
  readonly bcryptCost: number;
  /** ISO 4217. */
  readonly currency: string;
  readonly logLevel: string;
  /** All variables of OpenTelemetry, as they were given. */
  readonly openTelemetry?: Readonly<Record<string, string>>;
  /** Variables of the order service, in ms: when an order moves on by itself. Those missing have the service's own defaults. */
  readonly orderDelays?: Readonly<Record<string, string>>;
  /** A running server to use instead of starting one. */
  readonly cassandra?: {
    readonly host: string;
    readonly port: number;
    readonly admin: { readonly username: string; readonly password: string };
    /** Copies of each row; 1 by default. */
    readonly replicationFactor?: number;
  };
  /** Prefix of every keyspace and role, so that several stores can share a server. */
  readonly keyspacePrefix?: string;
  /** False doesn't restart a process that ends, for fault tests. */
  readonly restarts?: boolean;
  /** Runs in place of every service, for tests of the start itself. */
  readonly serviceMain?: string;
  /** More environment variables of single services, for tests. */
  readonly serviceEnvironment?: Readonly<Partial<Record<ServiceName, Readonly<Record<string, string>>>>>;
}

const port = z.coerce.number().int().min(1).max(65535);
/** Comma-separated; empty by default, and for the word `none`. */
const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '' && entry !== 'none'),
  );
/** By the rules of registration. */
const password = z.string().check(({ value, issues }) => {
  const fault = weakPassword(value);
  // The input itself stays out of the issue: it is a password.
  if (fault !== undefined) issues.push({ code: 'custom', message: fault, input: undefined });
});
const email = z.string().overwrite(normalizeEmail).refine(isEmail, 'an e-mail address of at most 254 characters');

/** What a start reads from the environment. */
export const storeEnvironment = z.object({
  PORT: port.default(8080).describe('Public port of the store'),
  HOST: z.string().default('127.0.0.1').describe('Address to listen on; 0.0.0.0 exposes the store to the network'),
  DATA_DIR: z.string().default('.store').describe('Folder for data, keys and logs, relative to the repository'),
  ADMIN_EMAIL: email.default('admin@product-store.local').describe('E-mail address of the first admin'),
  ADMIN_PASSWORD: password.optional().describe('Password of the first admin; by default generated and shown once'),
  CORS_ORIGINS: list
    .refine((origins) => origins.every(isOrigin), {
      message: 'a comma-separated list of origins such as https://shop.example, or none',
    })
    .describe('Comma-separated origins whose pages may read responses; `none`, the default, allows nobody'),
  TRUSTED_PROXIES: list
    .pipe(
      z.array(
        z.string().refine(isAddressOrNetwork, {
          error: ({ input }) => `${input} is neither an address nor a network, such as 10.0.0.0/8`,
        }),
      ),
    )
    .describe('Comma-separated addresses and networks of proxies whose X-Forwarded-For is trusted'),
  SEED_PRODUCTS: z.coerce
    .number()
    .int()
    .min(0)
    .default(20_000)
    .describe('Number of products to create at the first start'),
  LOAD_PROFILE: z.enum(['0', '1']).default('0').describe('1 lifts the rate limits, for load tests'),
  OBSERVE: z.enum(['0', '1']).default('0').describe('1 also starts Prometheus, Alertmanager and exporters'),
  INNER_PORT_OFFSET: z.coerce
    .number()
    .int()
    .min(0)
    .max(23_000, 'at most 23000: ports above 32767 are what the system gives to outgoing connections')
    .default(0)
    .describe('Added to all internal ports, so that two stores can run side by side'),
  REPLICAS: z.coerce
    .number()
    .int()
    .min(1)
    .max(4)
    .default(1)
    .describe('Processes per service, 1 to 4; from two on, a restart fails no request'),
  CASSANDRA_HEAP_MB: z.coerce.number().int().min(256).default(1024).describe('Java heap of Cassandra, in MB'),
  BCRYPT_COST: z.coerce
    .number()
    .int()
    .min(10)
    .max(15)
    .default(10)
    .describe('Cost of a password hash, 10 to 15; each step doubles the work'),
  CURRENCY: currency.describe('ISO 4217 code of the shop’s only currency'),
  LOG_LEVEL: z.enum(['error', 'warn', 'info', 'debug']).default('info').describe('Lowest level that is logged'),
  ...openTelemetry,
  ORDER_PROCESSING_DELAY_MS: delay.optional().describe('Milliseconds from confirmed to processing'),
  ORDER_SHIPPED_DELAY_MS: delay.optional().describe('Milliseconds from processing to shipped'),
  ORDER_DELIVERED_DELAY_MS: delay.optional().describe('Milliseconds from shipped to delivered'),
});

/** Reads the settings; throws ConfigError that names every fault. */
export function readSettings(variables: Readonly<Record<string, string | undefined>>): StoreSettings {
  const values = readConfig(storeEnvironment, variables);
  return {
    dataDir: resolveLinks(path.resolve(REPOSITORY, values.DATA_DIR)),
    host: values.HOST,
    port: values.PORT,
    innerPortOffset: values.INNER_PORT_OFFSET,
    replicas: values.REPLICAS,
    adminEmail: values.ADMIN_EMAIL,
    adminPassword: values.ADMIN_PASSWORD,
    corsOrigins: values.CORS_ORIGINS,
    trustedProxies: values.TRUSTED_PROXIES,
    loadProfile: values.LOAD_PROFILE === '1',
    observe: values.OBSERVE === '1',
    seedProducts: values.SEED_PRODUCTS,
    cassandraHeapMb: values.CASSANDRA_HEAP_MB,
    bcryptCost: values.BCRYPT_COST,
    currency: values.CURRENCY,
    logLevel: values.LOG_LEVEL,
    openTelemetry: withPrefix('OTEL_', variables),
    orderDelays: withPrefix('ORDER_', values),
  };
}

/** Settings that services get as they were given. */
function withPrefix(prefix: string, values: Readonly<Record<string, unknown>>): Record<string, string> {
  const given = Object.entries(values).filter(([name, value]) => name.startsWith(prefix) && (value ?? '') !== '');
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
}

/** Processes are recognized by their working folder, which the system names without links. A part that doesn't exist yet stays as it is. */
function resolveLinks(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return path.join(resolveLinks(path.dirname(folder)), path.basename(folder));
  }
}

/** Each setting with its meaning and default, a line each. */
export function describeSettings(): string {
  return Object.entries(storeEnvironment.shape)
    .map(([name, schema]) => {
      const fallback = schema.safeParse(undefined).data;
      return `  ${name.padEnd(28)} ${schema.description}${String(fallback ?? '') === '' ? '' : ` (${fallback})`}`;
    })
    .join('\n');
}

export type InnerPorts = ReturnType<typeof innerPorts>;

/** Ports behind Nginx, all on loopback. Those of a service's replicas are ten apart. */
export function innerPorts(offset: number, replicas = 1) {
  const ofService = (first: number) => Array.from({ length: replicas }, (_, index) => first + 10 * index + offset);
  return {
    product: ofService(8000),
    cart: ofService(8001),
    order: ofService(8002),
    user: ofService(8003),
    gatewayStatus: 8004 + offset,
    cassandra: 9042 + offset,
    cassandraStorage: 7000 + offset,
    cassandraJmx: 7199 + offset,
    cassandraMetrics: 7070 + offset,
    prometheus: 9090 + offset,
    alertmanager: 9093 + offset,
    alertReceiver: 9095 + offset,
    nodeExporter: 9100 + offset,
    nginxExporter: 9113 + offset,
    mtail: 3903 + offset,
  };
}

/** Where a process of the store with one of these ports is reached. */
export function onLoopback(port: number): string {
  return `127.0.0.1:${port}`;
}

/** Where this machine reaches the store: at the loopback address if the store listens on all addresses. */
export function storeUrl({ host, port }: Pick<StoreSettings, 'host' | 'port'>): string {
  const reached = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host;
  return `http://${toAddress(reached, port)}`;
}

/** See RFC 3986, 3.2.2: an IPv6 address stands in brackets. */
export function toAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
