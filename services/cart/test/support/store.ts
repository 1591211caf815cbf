import request from 'supertest';
import { silentLogger } from '#platform/logging.ts';
import { createService, type Service } from '#platform/service.ts';
import { type TestKeyspaces, useKeyspaces } from '../../../local/test-support/cassandra.ts';
import { serviceToken, testServiceConfig, userToken } from '../../../local/test-support/service-config.ts';
import { assembleCart } from '../../src/app.ts';
import { type ProductStub, startProductStub } from './product-stub.ts';

/** Cart services on one keyspace, each with its own connection, as replicas in processes of their own would be. */
export interface Store {
  readonly replicas: readonly [Service, ...Service[]];
  readonly product: ProductStub;
  readonly keyspaces: TestKeyspaces;
  close(): Promise<void>;
}

export async function openStore({ replicas: count = 1 } = {}): Promise<Store> {
  const keyspaces = await useKeyspaces('cart');
  const product = await startProductStub();
  const config = testServiceConfig('cart', keyspaces, {
    PRODUCT_URL: product.url,
    CURRENCY: 'USD',
    CIRCUIT_BREAKER_TIMEOUT: 50,
  });
  const open = () => createService('cart', config, assembleCart, silentLogger);
  const replicas: [Service, ...Service[]] = [await open()];
  while (replicas.length < count) replicas.push(await open());
  return {
    replicas,
    product,
    keyspaces,
    async close() {
      await Promise.all(replicas.map((replica) => replica.stop()));
      product.close();
      await keyspaces.stop();
    },
  };
}

/** Somebody with a cart of their own. */
export function shopper({ app }: Service, userId: string = crypto.randomUUID()) {
  const token = userToken({ userId });
  const send = (method: 'get' | 'post' | 'put' | 'delete', path: string, body?: object) => {
    const call = request(app)[method](path).set('authorization', `Bearer ${token}`);
    return body ? call.send(body) : call;
  };
  return {
    userId,
    token,
    send,
    getCart: () => send('get', '/api/v1/cart'),
    add: (productId: string, quantity: number) => send('post', '/api/v1/cart/items', { productId, quantity }),
    set: (productId: string, quantity: number) => send('put', `/api/v1/cart/items/${productId}`, { quantity }),
    remove: (productId: string) => send('delete', `/api/v1/cart/items/${productId}`),
    clear: () => send('delete', '/api/v1/cart'),
    take: (orderId: string) => asOrder(app, userId, 'take', { orderId }),
    restore: (orderId: string) => asOrder(app, userId, 'restore', { orderId }),
  };
}

/** What the order service does with a user's cart. */
export function asOrder(app: Service['app'], userId: string, operation: 'take' | 'restore', body: object) {
  return request(app)
    .post(`/internal/carts/${userId}/${operation}`)
    .set('authorization', `Bearer ${serviceToken('order', 'cart', `carts:${operation}`)}`)
    .send(body);
}

/** How many statements the service has sent to Cassandra, by name. */
export async function countQueries({ app }: Service): Promise<Map<string, number>> {
  const { text } = await request(app).get('/metrics').expect(200);
  const counts = text.matchAll(/^cassandra_query_duration_seconds_count\{query="([^"]+)",outcome="ok"\} (\d+)$/gm);
  return new Map([...counts].map(([, name = '', count]) => [name, Number(count)]));
}

/** The value of one series of the service's metrics; 0 before its first count. */
export async function readMetric({ app }: Service, series: string): Promise<number> {
  const { text } = await request(app).get('/metrics').expect(200);
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return Number(line?.slice(series.length) ?? 0);
}
