import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import request from 'supertest';
import type { Logger } from '#platform/logging.ts';
import { createService, type Service } from '#platform/service.ts';
import { type TestKeyspaces, useKeyspaces } from '../../../local/test-support/cassandra.ts';
import { type Death, type DyingPlatform, dyingPlatform } from '../../../local/test-support/dying-platform.ts';
import { serviceToken, testServiceConfig, userToken } from '../../../local/test-support/service-config.ts';
import { assembleCart } from '../../src/app.ts';
import { type ProductStub, startProductStub } from './product-stub.ts';

/** Cart services on one keyspace, each with a connection of its own, like replicas in separate processes. */
export interface Store {
  readonly replicas: readonly [Service, ...Service[]];
  readonly product: ProductStub;
  readonly keyspaces: TestKeyspaces;
  /** Everything passed to a logger, before redaction. */
  readonly logged: string[];
  /** One more replica, which stops at `death`; without one it only counts its effects. */
  openDying(death?: Death): Promise<{ readonly service: Service; readonly platform: DyingPlatform }>;
  close(): Promise<void>;
}

export async function openStore({ replicas: count = 1 } = {}): Promise<Store> {
  const keyspaces = await useKeyspaces();
  const product = await startProductStub();
  const config = testServiceConfig('cart', keyspaces, {
    PRODUCT_URL: [product.url],
    CURRENCY: 'USD',
    CIRCUIT_BREAKER_TIMEOUT: 50,
  });
  const logged: string[] = [];
  const logger = capture(logged);
  const open = () => createService('cart', config, assembleCart, logger);
  const dying: Service[] = [];
  const replicas: [Service, ...Service[]] = [await open()];
  while (replicas.length < count) replicas.push(await open());
  return {
    replicas,
    product,
    keyspaces,
    logged,
    async openDying(death) {
      const made = Promise.withResolvers<DyingPlatform>();
      const assembleMortal: typeof assembleCart = (platform, settings) => {
        const mortal = dyingPlatform(platform, death);
        made.resolve(mortal);
        return assembleCart(mortal, settings);
      };
      const service = await createService('cart', config, assembleMortal, logger);
      dying.push(service);
      const platform = await made.promise;
      platform.arm();
      return { service, platform };
    },
    async close() {
      await Promise.all([...replicas, ...dying].map((replica) => replica.stop()));
      product.close();
      await keyspaces.stop();
    },
  };
}

function capture(lines: string[]): Logger {
  const write = (...line: unknown[]) => void lines.push(inspect(line, { depth: 20, maxStringLength: null }));
  return { error: write, warn: write, info: write, debug: write };
}

/** Waits for the next second, in which the first 50 carts shown are priced anew, whatever came before. */
export async function nextSecond(): Promise<void> {
  const second = Math.floor(performance.now() / 1000);
  while (Math.floor(performance.now() / 1000) === second) await sleep(10);
}

/** A signed-in user. */
export function shopper({ app }: Service, userId: string = crypto.randomUUID()) {
  const token = userToken({ userId });
  const calls = cartCalls(app, { authorization: `Bearer ${token}` });
  return {
    userId,
    token,
    ...calls,
    merge: (cartToken: string) => calls.send('post', '/api/v1/cart/merge', { cartToken }),
    take: (orderId: string) => asOrder(app, userId, 'take', { orderId }),
    restore: (orderId: string) => asOrder(app, userId, 'restore', { orderId }),
  };
}

/** A guest with a new cart. */
export async function newGuest(service: Service) {
  const { body } = await request(service.app).post('/api/v1/cart').expect(201);
  return { cartId: body.id as string, ...guest(service, body.cartToken) };
}

/** The holder of a guest's cart token. */
export function guest({ app }: Service, cartToken: string) {
  return { cartToken, ...cartCalls(app, { 'x-cart-token': cartToken }) };
}

function cartCalls(app: Service['app'], headers: Record<string, string>) {
  const send = (method: 'get' | 'post' | 'put' | 'delete', path: string, body?: object) => {
    const call = request(app)[method](path).set(headers);
    return body ? call.send(body) : call;
  };
  return {
    send,
    getCart: () => send('get', '/api/v1/cart'),
    add: (productId: string, quantity: number) => send('post', '/api/v1/cart/items', { productId, quantity }),
    set: (productId: string, quantity: number) => send('put', `/api/v1/cart/items/${productId}`, { quantity }),
    remove: (productId: string) => send('delete', `/api/v1/cart/items/${productId}`),
    clear: () => send('delete', '/api/v1/cart'),
  };
}

/** What the order service does with a user's cart. */
export function asOrder(app: Service['app'], userId: string, operation: 'take' | 'restore', body: object) {
  return request(app)
    .post(`/internal/carts/${userId}/${operation}`)
    .set('authorization', `Bearer ${serviceToken('order', 'cart', `carts:${operation}`)}`)
    .send(body);
}

/** The number of statements that the service has sent to Cassandra, by name. */
export async function countQueries({ app }: Service): Promise<Map<string, number>> {
  const { text } = await request(app).get('/metrics').expect(200);
  const counts = text.matchAll(/^cassandra_query_duration_seconds_count\{query="([^"]+)",outcome="ok"\} (\d+)$/gm);
  return new Map([...counts].map(([, name = '', count]) => [name, Number(count)]));
}

/** The value of one series of the service's metrics; 0 before the first count. */
export async function readMetric({ app }: Service, series: string): Promise<number> {
  const { text } = await request(app).get('/metrics').expect(200);
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return Number(line?.slice(series.length) ?? 0);
}
