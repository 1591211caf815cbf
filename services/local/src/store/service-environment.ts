import type { ServiceName } from '#platform/service-names.ts';
import { KEYSPACES } from '../../../../cassandra/keyspaces.ts';
import type { KeyFiles } from '../keys.ts';
import type { Secrets } from '../secrets.ts';
import { type InnerPorts, onLoopback, type StoreSettings } from '../settings.ts';
import { DATA_CENTER } from './database.ts';

/** What services need to reach the database and each other. */
export interface ServiceAccess {
  readonly secrets: Secrets;
  readonly keys: KeyFiles;
  /** host:port of Cassandra. */
  readonly contactPoint: string;
}

/** A service's settings, with its own secrets and nobody else's. */
export function serviceEnvironment(
  name: ServiceName,
  port: number,
  settings: StoreSettings,
  ports: InnerPorts,
  { secrets, keys, contactPoint }: ServiceAccess,
): Record<string, string> {
  const keyspace = `${settings.keyspacePrefix ?? ''}${KEYSPACES[name]}`;
  const urls = serviceUrls(ports);
  return {
    NODE_ENV: 'development',
    HOST: '127.0.0.1',
    PORT: String(port),
    LOG_LEVEL: settings.logLevel,
    CASSANDRA_CONTACT_POINTS: contactPoint,
    CASSANDRA_LOCAL_DATACENTER: DATA_CENTER,
    CASSANDRA_KEYSPACE: keyspace,
    CASSANDRA_USERNAME: keyspace,
    CASSANDRA_PASSWORD: secrets.rolePasswords[KEYSPACES[name]],
    PRODUCT_URL: urls.product.join(','),
    CART_URL: urls.cart.join(','),
    ORDER_URL: urls.order.join(','),
    USER_URL: urls.user.join(','),
    SERVICE_KEY_FILE: keys.serviceKey[name],
    SERVICE_KEYS_FILE: keys.publicServiceKeys,
    USER_KEYS_FILE: keys.publicUserKeys,
    CURRENCY: settings.currency,
    ...settings.openTelemetry,
    ...(name !== 'cart' && { CURSOR_SECRET: secrets.cursorSecrets[name] }),
    ...(name === 'user' && { USER_SIGNING_KEYS_FILE: keys.userKeys, BCRYPT_COST: String(settings.bcryptCost) }),
    ...(name === 'order' && settings.orderDelays),
  };
}

/** Where each service's replicas listen. */
export function serviceUrls(ports: InnerPorts): Readonly<Record<ServiceName, readonly string[]>> {
  const urlsOf = (name: ServiceName) => ports[name].map((port) => `http://${onLoopback(port)}`);
  return { product: urlsOf('product'), cart: urlsOf('cart'), order: urlsOf('order'), user: urlsOf('user') };
}
