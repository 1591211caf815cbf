import { generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readSigningKey, readSigningKeys } from '#platform/auth/keys.ts';
import { createServiceTokenIssuer } from '#platform/auth/service-token.ts';
import { issueUserToken, type Role } from '#platform/auth/user-token.ts';
import type { ServiceConfig } from '#platform/config.ts';
import { SERVICE_NAMES, type ServiceName } from '#platform/service-names.ts';
import { KEYSPACES } from '../../../cassandra/keyspaces.ts';
import type { TestKeyspaces } from './cassandra.ts';

/** Nothing listens there: a call that a test didn't expect is refused at once. */
const NOBODY = ['http://127.0.0.1:9'];

/** Keys that live as long as this test process, in the layout of the keys folder. */
export const testKeysDir = makeKeys();
/** Private JWKS of the user service. */
export const userSigningKeysFile = join(testKeysDir, 'user/user-keys.json');

/**
 * A valid configuration of the service `name` on its keyspace, with fresh keys; the other services can't be reached.
 * `overrides` are more or different settings, already parsed: `{ PRODUCT_URL: [stub.url], BCRYPT_COST: 10 }`.
 */
export function testServiceConfig<Overrides extends object = object>(
  name: ServiceName,
  keyspaces: TestKeyspaces,
  overrides: Overrides = {} as Overrides,
): ServiceConfig & Overrides {
  const { contactPoints, localDataCenter, keyspacePrefix, passwords } = keyspaces;
  const role = `${keyspacePrefix}${KEYSPACES[name]}`;
  return {
    NODE_ENV: 'test',
    HOST: '127.0.0.1',
    PORT: 1,
    LOG_LEVEL: 'warn',
    CASSANDRA_CONTACT_POINTS: contactPoints,
    CASSANDRA_LOCAL_DATACENTER: localDataCenter,
    CASSANDRA_KEYSPACE: role,
    CASSANDRA_USERNAME: role,
    CASSANDRA_PASSWORD: passwords[KEYSPACES[name]],
    PRODUCT_URL: NOBODY,
    CART_URL: NOBODY,
    ORDER_URL: NOBODY,
    USER_URL: NOBODY,
    SERVICE_KEY_FILE: join(testKeysDir, name, 'service-key.json'),
    SERVICE_KEYS_FILE: join(testKeysDir, 'public/services.json'),
    USER_KEYS_FILE: join(testKeysDir, 'public/users.json'),
    CIRCUIT_BREAKER_FAILURE_THRESHOLD: 5,
    CIRCUIT_BREAKER_TIMEOUT: 5000,
    CIRCUIT_BREAKER_SUCCESS_THRESHOLD: 2,
    OTEL_TRACES_SAMPLER_ARG: 1,
    ...overrides,
  };
}

/** An access token as the user service would issue it. */
export function userToken({
  userId = crypto.randomUUID(),
  sessionId = crypto.randomUUID(),
  role = 'user',
}: {
  userId?: string;
  sessionId?: string;
  role?: Role;
} = {}): string {
  return issueUserToken({ userId, sessionId, role }, readSigningKeys(userSigningKeysFile)[0]);
}

/** A token with which the service `from` calls the service `to` for one `scope`. */
export function serviceToken(from: ServiceName, to: string, scope: string): string {
  return createServiceTokenIssuer(from, readSigningKey(join(testKeysDir, from, 'service-key.json')))(to, scope);
}

function makeKeys(): string {
  const folder = mkdtempSync(join(tmpdir(), 'store-test-keys-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const write = (path: string, content: unknown) => {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(content), { mode: 0o600 });
  };

  const serviceKeys = SERVICE_NAMES.map((service) => ({ service, ...makeKey(`${service}-1`) }));
  for (const { service, privateJwk } of serviceKeys) write(`${service}/service-key.json`, privateJwk);
  const publicSets = serviceKeys.map(({ service, publicJwk }) => [`svc:${service}`, { keys: [publicJwk] }]);
  write('public/services.json', Object.fromEntries(publicSets));

  const userKeys = [makeKey('users-2'), makeKey('users-1')];
  write('user/user-keys.json', { keys: userKeys.map(({ privateJwk }) => privateJwk) });
  write('public/users.json', { keys: userKeys.map(({ publicJwk }) => publicJwk) });
  return folder;
}

function makeKey(kid: string): { privateJwk: JsonWebKey; publicJwk: JsonWebKey } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const facts = { kid, alg: 'ES256', use: 'sig' };
  return {
    privateJwk: { ...privateKey.export({ format: 'jwk' }), ...facts },
    publicJwk: { ...publicKey.export({ format: 'jwk' }), ...facts },
  };
}
