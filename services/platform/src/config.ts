import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** The settings are invalid; the message lists every fault, one per line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Settings that production must make explicitly: there, a default would be an oversight. */
const EXPLICIT: readonly string[] = ['HOST', 'CASSANDRA_LOCAL_DATACENTER', 'CURRENCY', 'CORS_ORIGINS'];
/** Minimum length of a secret in production. */
const LEAST_SECRET_CHARACTERS = 32;
/** Everything in this repository long enough to pass for a secret; `production.test.ts` finds what is missing here. */
const KNOWN_SECRETS: ReadonlySet<string> = new Set([
  'a secret of the tests that is long enough',
  'a secret that is long enough, for a test',
  'another secret, just as long as that',
]);

/**
 * Validates the environment against `schema` and throws one ConfigError that lists all faults, but no values. With NODE_ENV=production,
 * secrets that are too short or are in this repository are faults, and so are some defaults. Any setting can be read from a file instead:
 * `CASSANDRA_PASSWORD_FILE=/run/secrets/x` in place of `CASSANDRA_PASSWORD`.
 */
export function readConfig<Schema extends z.ZodObject>(schema: Schema, environment: Environment): z.output<Schema> {
  const faults: string[] = [];
  const values: Record<string, string> = {};
  for (const name of Object.keys(schema.shape)) {
    const file = environment[`${name}_FILE`];
    const value = environment[name] || (file && readSecret(name, file, faults));
    if (value) values[name] = value;
  }
  const parsed = schema.safeParse(values);
  for (const issue of parsed.error?.issues ?? []) {
    const name = String(issue.path[0]);
    faults.push(values[name] === undefined ? `${name} is missing` : `${name}: ${issue.message}`);
  }
  if (values.NODE_ENV === 'production') {
    const faulty = new Set(parsed.error?.issues.map(({ path }) => path[0]));
    faults.push(...productionFaults(Object.keys(schema.shape), values, faulty));
  }
  if (faults.length > 0) throw new ConfigError(`The configuration has faults:\n  ${faults.join('\n  ')}`);
  return parsed.data as z.output<Schema>;
}

function productionFaults(
  names: readonly string[],
  values: Readonly<Record<string, string>>,
  faulty: ReadonlySet<PropertyKey | undefined>,
): string[] {
  return names.flatMap((name) => {
    const value = values[name];
    if (faulty.has(name)) return [];
    if (value === undefined)
      return EXPLICIT.includes(name) ? [`${name} is missing, and production has no default`] : [];
    if (!/(?:PASSWORD|SECRET)$/.test(name)) return [];
    if (KNOWN_SECRETS.has(value)) return [`${name} is in the public repository`];
    return value.length < LEAST_SECRET_CHARACTERS
      ? [`${name}: at least ${LEAST_SECRET_CHARACTERS} characters in production`]
      : [];
  });
}

function readSecret(name: string, file: string, faults: string[]): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    faults.push(`${name}_FILE: ${(cause as Error).message}`);
    return undefined;
  }
}

const port = z.coerce.number().int().min(1).max(65535);
const milliseconds = z.coerce.number().int().min(0);
const url = z.url({ protocol: /^https?$/ }).transform((text) => text.replace(/\/$/, ''));
const urls = z
  .string()
  .transform((text) => text.split(',').map((one) => one.trim()))
  .pipe(z.array(url));

/** OpenTelemetry's standard variables. */
export const openTelemetry = {
  OTEL_EXPORTER_OTLP_ENDPOINT: url
    .optional()
    .describe('Base URL of an OTLP/HTTP collector for traces; without it there are none'),
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1).default(1).describe('Share of requests that are traced'),
};

/** Settings of every service; a service adds its own with `.extend`. */
export const serviceConfig = z.object({
  NODE_ENV: z
    .enum(['development', 'test', 'production'])
    .default('development')
    .describe('`production` makes the service check its settings strictly'),
  HOST: z.string().default('127.0.0.1').describe('Address to listen on'),
  PORT: port.describe('Port to listen on'),
  LOG_LEVEL: z.enum(['error', 'warn', 'info', 'debug']).default('info').describe('Lowest level that is logged'),
  CASSANDRA_CONTACT_POINTS: z
    .string()
    .transform((text) => text.split(',').map((point) => point.trim()))
    .describe('Cassandra nodes, as a comma-separated list of host:port'),
  CASSANDRA_LOCAL_DATACENTER: z.string().default('datacenter1').describe('Data center whose nodes are used'),
  CASSANDRA_TLS_CA: z
    .string()
    .includes('-----BEGIN CERTIFICATE-----', 'PEM certificates')
    .optional()
    .describe('PEM certificate of the authority that signed the Cassandra nodes’ certificates; enables TLS to them'),
  CASSANDRA_KEYSPACE: z
    .string()
    .regex(/^\w{1,48}$/)
    .describe("The service's own keyspace"),
  CASSANDRA_USERNAME: z.string().describe('Role with rights on that keyspace only'),
  CASSANDRA_PASSWORD: z.string().describe('Password of that role'),
  PRODUCT_URL: urls.describe('Base URL of the product service; with replicas, a comma-separated list'),
  CART_URL: urls.describe('Base URL of the cart service; with replicas, a comma-separated list'),
  ORDER_URL: urls.describe('Base URL of the order service; with replicas, a comma-separated list'),
  USER_URL: urls.describe('Base URL of the user service; with replicas, a comma-separated list'),
  SERVICE_KEY_FILE: z.string().describe('File with the private JWK (ES256) that signs this service’s calls'),
  SERVICE_KEYS_FILE: z
    .string()
    .describe("File with the public keys of all services, by issuer: { 'svc:cart': { keys: [...] } }"),
  USER_KEYS_FILE: z.string().describe('File with a JWKS of the public keys of user tokens'),
  CIRCUIT_BREAKER_FAILURE_THRESHOLD: z.coerce
    .number()
    .int()
    .min(1)
    .default(5)
    .describe('Failures in a row that open a circuit'),
  CIRCUIT_BREAKER_TIMEOUT: milliseconds
    .default(5000)
    .describe('Milliseconds until an open circuit lets a probe through'),
  CIRCUIT_BREAKER_SUCCESS_THRESHOLD: z.coerce
    .number()
    .int()
    .min(1)
    .default(2)
    .describe('Successes in a row that close it'),
  ...openTelemetry,
});

export type ServiceConfig = z.output<typeof serviceConfig>;

/** Secret that signs cursors; the same in every replica of a service. */
export const cursorSecret = z
  .string()
  .min(32)
  .describe('Signs page cursors; at least 32 characters, the same in every replica');
/** ISO 4217 code of the shop's one currency. */
export const currency = z
  .string()
  .regex(/^[A-Z]{3}$/)
  .default('USD')
  .describe("ISO 4217 code of the shop's only currency");
/** Deferred work is kept for 7 days. */
export const delay = milliseconds.max(6 * 24 * 60 * 60 * 1000, 'at most 6 days');
