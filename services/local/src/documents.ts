import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { Express } from 'express';
import type { Database } from '#platform/cassandra/database.ts';
import { createHttpApp, type HttpApp } from '#platform/http/app.ts';
import { silentLogger } from '#platform/logging.ts';
import { createMetrics } from '#platform/metrics.ts';
import type { Platform, ServiceParts } from '#platform/service.ts';
import type { ServiceName } from '#platform/service-names.ts';
import { assembleCart } from '../../cart/src/app.ts';
import { cartConfig } from '../../cart/src/config.ts';
import { assembleOrder } from '../../order/src/app.ts';
import { orderConfig } from '../../order/src/config.ts';
import { assembleProduct } from '../../product/src/app.ts';
import { productConfig } from '../../product/src/config.ts';
import { assembleUser } from '../../user/src/app.ts';
import { userConfig } from '../../user/src/config.ts';
import { ensureKeys } from './keys.ts';

/**
 * Checks the four OpenAPI documents, built from the services' routes without starting them: each is valid, has every route of its service,
 * and has no operation that isn't mounted. Throws an Error that names every difference.
 */
export async function checkDocuments(): Promise<string> {
  const apps = await buildApps();
  const faults = await Promise.all(Object.entries(apps).map(([name, app]) => faultsOf(name, app)));
  if (faults.flat().length > 0) throw new Error(faults.flat().join('\n'));
  return `${Object.keys(apps).length} documents`;
}

/** The operations of each service, as its OpenAPI document names them: `get /api/v1/products/{id}`. */
export async function listOperations(): Promise<Readonly<Record<string, readonly string[]>>> {
  const apps = Object.entries(await buildApps());
  return Object.fromEntries(apps.map(([name, { document }]) => [name, documentedOperations(document)]));
}

/** The OpenAPI document of each service, as it serves it. */
export async function buildDocuments(): Promise<Readonly<Record<ServiceName, HttpApp['document']>>> {
  const { product, cart, order, user } = await buildApps();
  return { product: product.document, cart: cart.document, order: order.document, user: user.document };
}

async function faultsOf(name: string, { app, document }: HttpApp): Promise<string[]> {
  const { valid, errors } = await new Validator().validate({ ...structuredClone(document) });
  const mounted = mountedOperations(app);
  const documented = documentedOperations(document);
  return [
    ...(valid ? [] : [`${name}: the document is not valid: ${JSON.stringify(errors)}`]),
    ...(mounted.length > 0 ? [] : [`${name}: no route is mounted`]),
    ...mounted
      .filter((operation) => !documented.includes(operation))
      .map((operation) => `${name}: ${operation} is not documented`),
    ...documented
      .filter((operation) => !mounted.includes(operation))
      .map((operation) => `${name}: ${operation} is not mounted`),
  ];
}

/** From Express itself: what a request can actually reach. */
function mountedOperations(app: Express): string[] {
  return app.router.stack.flatMap(({ route }) =>
    route ? Object.keys(methodsOf(route)).map((method) => `${method} ${route.path.replaceAll(/:(\w+)/g, '{$1}')}`) : [],
  );
}

function methodsOf(route: object): Record<string, boolean> {
  const { _all, ...methods } = (route as { methods: Record<string, boolean> }).methods;
  return methods;
}

function documentedOperations({ paths = {} }: HttpApp['document']): string[] {
  return Object.entries(paths).flatMap(([path, item]) => Object.keys(item).map((method) => `${method} ${path}`));
}

function buildApps(): Promise<Record<ServiceName, HttpApp>> {
  const keysFolder = mkdtempSync(join(tmpdir(), 'store-keys-'));
  return assembleApps(keysFolder).finally(() => rmSync(keysFolder, { recursive: true }));
}

async function assembleApps(keysFolder: string): Promise<Record<ServiceName, HttpApp>> {
  const keys = await ensureKeys(keysFolder);
  const settings = {
    PORT: '1',
    CASSANDRA_CONTACT_POINTS: 'nowhere',
    CASSANDRA_KEYSPACE: 'none',
    CASSANDRA_USERNAME: 'nobody',
    CASSANDRA_PASSWORD: 'none',
    PRODUCT_URL: 'http://nowhere',
    CART_URL: 'http://nowhere',
    ORDER_URL: 'http://nowhere',
    USER_URL: 'http://nowhere',
    SERVICE_KEY_FILE: 'none',
    SERVICE_KEYS_FILE: 'none',
    USER_KEYS_FILE: 'none',
    CURSOR_SECRET: 'x'.repeat(32),
  };
  return {
    product: toApp('product', await assembleProduct(toPlatform(), productConfig.parse(settings))),
    cart: toApp('cart', await assembleCart(toPlatform(), cartConfig.parse(settings))),
    order: toApp('order', await assembleOrder(toPlatform(), orderConfig.parse(settings))),
    user: toApp(
      'user',
      await assembleUser(toPlatform(), userConfig.parse({ ...settings, USER_SIGNING_KEYS_FILE: keys.userKeys })),
    ),
  };
}

/** Enough to declare routes: a database without rows, clients that are never called. */
function toPlatform(): Platform {
  const database: Database = {
    read: async () => [],
    write: async () => undefined,
    writeTogether: async () => undefined,
    conditional: async () => ({ applied: false, uncertain: false, rows: [] }),
    isReachable: async () => false,
    close: async () => undefined,
  };
  const clientOf = () => ({
    call: () => Promise.reject(new Error('Nobody is called.')),
    isAvailable: () => false,
    close: async () => undefined,
  });
  return { logger: silentLogger, metrics: createMetrics(), database, clientOf };
}

function toApp(name: ServiceName, { routes }: ServiceParts): HttpApp {
  const refuse = () => {
    throw new Error('Nobody calls.');
  };
  return createHttpApp(name, routes, {
    metrics: createMetrics(),
    logger: silentLogger,
    verifiers: { verifyUser: refuse, verifyService: refuse },
    system: { services: {}, isDatabaseReachable: async () => false, isAccepting: () => false },
  });
}
