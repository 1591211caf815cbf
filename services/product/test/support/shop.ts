import { randomUUID } from 'node:crypto';
import { type Client, types } from 'cassandra-driver';
import request from 'supertest';
import type { Database } from '#platform/cassandra/database.ts';
import { silentLogger } from '#platform/logging.ts';
import { createService, type Platform, type Service } from '#platform/service.ts';
import { connectAs, openDatabase, useKeyspaces } from '../../../local/test-support/cassandra.ts';
import { createTestCatalogue, type TestCatalogue } from '../../../local/test-support/catalogue.ts';
import { serviceToken, testServiceConfig } from '../../../local/test-support/service-config.ts';
import { assembleProduct } from '../../src/app.ts';
import { createCategoryRepository } from '../../src/categories/repository.ts';
import { toNameKey } from '../../src/listings/listing.ts';
import { createProjector } from '../../src/listings/projector.ts';
import { createListingRepository } from '../../src/listings/repository.ts';
import { HEAD } from '../../src/stock/head.ts';
import type { Line } from '../../src/stock/stock.ts';

export type Step = 'hold' | 'commit' | 'release' | 'return';

export interface Head {
  readonly available: number;
  readonly reserved: number;
  readonly sold: number;
  readonly inStock: boolean;
}

/** Product services on one keyspace, as replicas; their workers don't run until `start`. */
export interface Shop {
  readonly service: Service;
  readonly catalogue: TestCatalogue;
  readonly database: Database;
  /** Sees past the services. */
  readonly client: Client;
  /** One more service on the same data, on its platform or a changed one. Stop it when it is no longer needed; `close` stops it too. */
  openReplica(change?: (platform: Platform) => Platform): Promise<Service>;
  /** Requests a step of a reservation as the order service would, and retries it on 503. */
  step(step: Step, orderId: string, lines: readonly Line[], service?: Service): Promise<{ status: number; body: Body }>;
  readHead(productId: string): Promise<Head>;
  /** The operation rows of a product: the state of each order's hold, and the adjustments. */
  readOperations(productId: string): Promise<{ id: string; kind: string; quantity: number; state: string }[]>;
  /** Changes a product as an admin's change will: one conditional write, then its listings. */
  change(productId: string, change: ProductChange): Promise<void>;
  close(): Promise<void>;
}

type Body = Record<string, unknown> & { code?: string };

export interface ProductChange {
  readonly priceMinor?: number;
  readonly name?: string;
  readonly category?: string;
  readonly deleted?: true;
}

/** `categories` are paths of slugs that the services know from the start; they read the tree again only while their workers run. */
export async function openShop({ categories = ['things'] }: { categories?: readonly string[] } = {}): Promise<Shop> {
  const keyspaces = await useKeyspaces();
  const name = `${keyspaces.keyspacePrefix}product`;
  const database = await openDatabase(keyspaces, 'product');
  const client = await connectAs(keyspaces.contactPoints, keyspaces.admin, name);
  const config = testServiceConfig('product', keyspaces, {
    CURSOR_SECRET: 'a secret of the tests that is long enough',
    CURRENCY: 'USD',
  });
  const services = new Set<Service>();
  const token = serviceToken('order', 'product', 'reservations:write');
  const project = createProjector({
    repository: createListingRepository(database),
    findCategory: createCategoryRepository(database).findCategory,
  });

  async function openReplica(change = (platform: Platform) => platform): Promise<Service> {
    const assemble = (platform: Platform) => assembleProduct(change(platform), config);
    const service = await createService('product', config, assemble, silentLogger);
    let stopped: Promise<void> | undefined;
    const replica = { ...service, stop: () => (stopped ??= service.stop()) };
    services.add(replica);
    return replica;
  }
  const catalogue = createTestCatalogue(database);
  await catalogue.addCategories(...categories);
  const service = await openReplica();

  return {
    service,
    catalogue,
    database,
    client,
    openReplica,

    async step(step, orderId, lines, { app } = service) {
      const path = `/internal/reservations/${orderId}`;
      for (;;) {
        const call = step === 'hold' ? request(app).put(path) : request(app).post(`${path}/${step}`);
        const { status, body } = await call.set('authorization', `Bearer ${token}`).send({ lines });
        if (status !== 503) return { status, body };
      }
    },

    async readHead(productId) {
      const row = (
        await client.execute(
          'SELECT available, reserved, sold, in_stock FROM products WHERE product_id = ? AND op_id = ?',
          [productId, HEAD],
        )
      ).first();
      return {
        available: row?.get('available'),
        reserved: row?.get('reserved'),
        sold: Number(row?.get('sold')),
        inStock: row?.get('in_stock'),
      };
    },

    async readOperations(productId) {
      const { rows } = await client.execute(
        'SELECT op_id, kind, quantity, state FROM products WHERE product_id = ? AND op_id > ?',
        [productId, HEAD],
      );
      return rows.map(({ op_id, kind, quantity, state }) => ({ id: op_id.toString(), kind, quantity, state }));
    },

    async change(productId, { priceMinor, name: newName, category, deleted }) {
      for (;;) {
        const { rows } = await client.execute(
          'SELECT version, listing_version, price_minor, name, category, price_since, name_since, status FROM products WHERE product_id = ? AND op_id = ?',
          [productId, HEAD],
          { consistency: types.consistencies.localSerial },
        );
        const row = rows[0];
        if (row?.status !== 'active') return;
        const now = new Date();
        const movesName = newName !== undefined && toNameKey(newName) !== toNameKey(row.name);
        const result = await client.execute(
          `UPDATE products SET price_minor = ?, price_since = ?, name = ?, name_since = ?, category = ?, status = ?, version = ?,
             listing_version = ? WHERE product_id = ? AND op_id = ? IF version = ? AND listing_version = ? AND listed_version = ?`,
          [
            priceMinor ?? row.price_minor,
            priceMinor === undefined || priceMinor === Number(row.price_minor) ? row.price_since : now,
            newName ?? row.name,
            movesName ? now : row.name_since,
            category ?? row.category,
            deleted ? 'deleted' : 'active',
            row.version + 1,
            row.listing_version + 1,
            productId,
            HEAD,
            row.version,
            row.listing_version,
            row.listing_version,
          ],
        );
        if (result.wasApplied()) break;
        await project(productId);
      }
      await project(productId);
    },

    async close() {
      await Promise.all([...services].map((each) => each.stop()));
      await database.close();
      await client.shutdown();
      await keyspaces.stop();
    },
  };
}

export const newOrderId = () => randomUUID();

/** How often each statement has been sent, by its name, as the service's own metrics say. */
export async function countQueries({ app }: Service): Promise<Map<string, number>> {
  const { text } = await request(app).get('/metrics').expect(200);
  const counts = new Map<string, number>();
  for (const [, name = '', count] of text.matchAll(
    /^cassandra_query_duration_seconds_count\{query="([^"]+)"[^}]*\} (\d+)$/gm,
  )) {
    counts.set(name, (counts.get(name) ?? 0) + Number(count));
  }
  return counts;
}

/** What `work` sent to the database: name and number of each statement. */
export async function queriesOf(service: Service, work: () => PromiseLike<unknown>): Promise<Record<string, number>> {
  const before = await countQueries(service);
  await work();
  const after = await countQueries(service);
  const differences = [...after].map(([name, count]) => [name, count - (before.get(name) ?? 0)] as const);
  return Object.fromEntries(differences.filter(([, count]) => count > 0));
}
