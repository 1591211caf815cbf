import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { silentLogger } from '#platform/logging.ts';
import { createService, type Platform, type Service, type ServiceParts } from '#platform/service.ts';
import type { ServiceName } from '#platform/service-names.ts';
import { assembleCart } from '../../cart/src/app.ts';
import { assembleOrder } from '../../order/src/app.ts';
import { assembleProduct } from '../../product/src/app.ts';
import { openDatabase, type TestKeyspaces, useKeyspaces } from './cassandra.ts';
import { createTestCatalogue } from './catalogue.ts';
import { type Death, type DyingPlatform, dyingPlatform } from './dying-platform.ts';
import { testServiceConfig } from './service-config.ts';

const HEAD = '00000000-0000-0000-0000-000000000000';
const CURSOR_SECRET = 'a secret of the tests that is long enough';
export const UNIT_PRICE = 1999;

type Checkout = 'product' | 'cart' | 'order';

export interface RunningService {
  readonly service: Service;
  readonly url: string;
  /** Undefined for a service that doesn't count its effects. */
  readonly platform: DyingPlatform | undefined;
}

/** Product, cart and order services in this process, on keyspaces of their own; more of each can be made to die. */
export interface CheckoutStores {
  readonly urls: Record<Checkout, string>;
  readonly keyspaces: TestKeyspaces;
  /** A service that dies at `death`, or without it only counts its effects; `urls` are the others it calls. Its workers don't run. */
  startDying(name: Checkout, death?: Death, urls?: Partial<Record<Checkout, string>>): Promise<RunningService>;
  /** An active product with this many units. */
  createProduct(units: number): Promise<string>;
  readStock(productId: string): Promise<{ available: number; reserved: number; sold: number }>;
  /** The order service that recovers what others left; its workers run from here on. */
  startRecovery(): void;
  stop(): Promise<void>;
}

/** `stepDelayMs` is how long an order waits before each step that it takes by itself. */
export async function startCheckoutStores(stepDelayMs = 3_600_000): Promise<CheckoutStores> {
  const keyspaces = await useKeyspaces();
  const services: Service[] = [];
  const servers: Server[] = [];
  const urls: Record<Checkout, string> = {
    product: 'http://127.0.0.1:9',
    cart: 'http://127.0.0.1:9',
    order: 'http://127.0.0.1:9',
  };

  async function start(name: Checkout, at: Partial<Record<Checkout, string>>, wrap: (platform: Platform) => Platform) {
    const { product, cart, order } = { ...urls, ...at };
    const config = testServiceConfig(name as ServiceName, keyspaces, {
      PRODUCT_URL: [product],
      CART_URL: [cart],
      ORDER_URL: [order],
      CURSOR_SECRET,
      CURRENCY: 'USD',
      ORDER_PROCESSING_DELAY_MS: stepDelayMs,
      ORDER_SHIPPED_DELAY_MS: stepDelayMs,
      ORDER_DELIVERED_DELAY_MS: stepDelayMs,
    });
    const assemble = { product: assembleProduct, cart: assembleCart, order: assembleOrder }[name];
    const service = await createService(
      name,
      config,
      (platform): ServiceParts | Promise<ServiceParts> => assemble(wrap(platform), config),
      silentLogger,
    );
    services.push(service);
    const server = createServer(service.app).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return { service, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  const same = (platform: Platform) => platform;
  const product = await start('product', {}, same);
  urls.product = product.url;
  urls.cart = (await start('cart', {}, same)).url;
  const recovery = await start('order', {}, same);
  urls.order = recovery.url;
  product.service.start();
  const database = await openDatabase(keyspaces, 'product');
  const catalogue = createTestCatalogue(database);

  return {
    urls,
    keyspaces,

    async startDying(name, death, at = {}) {
      let platform: DyingPlatform | undefined;
      const running = await start(name, at, (real) => {
        platform = dyingPlatform(real, death);
        return platform;
      });
      platform?.arm();
      return { ...running, platform };
    },

    async createProduct(units) {
      return (await catalogue.addProduct({ stock: units, priceMinor: UNIT_PRICE })).id;
    },

    async readStock(productId) {
      const [row] = await database.read(
        'test.stock',
        'SELECT available, reserved, sold FROM products WHERE product_id = ? AND op_id = ?',
        [productId, HEAD],
      );
      return { available: row?.available, reserved: row?.reserved, sold: Number(row?.sold) };
    },

    startRecovery: () => recovery.service.start(),

    async stop() {
      for (const server of servers) {
        server.close();
        server.closeAllConnections();
      }
      await Promise.all(services.map((service) => service.stop()));
      await database.close();
      await keyspaces.stop();
    },
  };
}
