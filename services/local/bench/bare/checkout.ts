import { auth, Client, ExecutionProfile, types } from 'cassandra-driver';
import type { Store } from '../../src/store.ts';

/** The conditional writes of a checkout of one line, with the driver alone: nothing is read, checked, recorded for recovery or listed. */
export interface BareCheckout {
  /** A cart with one unit of `productId`. */
  fillCart(productId: string): Promise<FilledCart>;
  /** Order, cart, lines, hold, sale, confirmation: in sequence, since each depends on the one before. */
  place(cart: FilledCart): Promise<void>;
  stop(): Promise<void>;
}

interface FilledCart {
  readonly cartId: types.Uuid;
  readonly writeId: types.Uuid;
  readonly productId: string;
}

const HEAD = '00000000-0000-0000-0000-000000000000';
const ADDRESS = {
  name: 'Sam Shopper',
  line1: '1 Main Street',
  line2: null,
  city: 'Springfield',
  postal_code: '12345',
  country: 'US',
};
const PRICE = types.Long.fromNumber(1999);

export async function createBareCheckout(store: Store, currency: string): Promise<BareCheckout> {
  const { username, password } = store.cassandraAdmin;
  const { localQuorum, localSerial } = types.consistencies;
  const profile = new ExecutionProfile('default', { consistency: localQuorum, serialConsistency: localSerial });
  const client = new Client({
    ...store.cluster,
    contactPoints: [...store.cluster.contactPoints],
    authProvider: new auth.PlainTextAuthProvider(username, password),
    queryOptions: { prepare: true },
    profiles: [profile],
  });
  await client.connect();

  const cartLine = (productId: string) => ({
    product_id: productId,
    sku: 'SKU',
    name: 'Name',
    image: null,
    quantity: 1,
    unit_price_minor: PRICE,
    currency,
  });

  async function write(...statements: readonly (readonly [query: string, ...params: unknown[]])[]): Promise<void> {
    const batch = statements.map(([query, ...params]) => ({ query, params }));
    const [first] = batch;
    const result =
      first && batch.length === 1
        ? await client.execute(first.query, first.params)
        : await client.batch(batch, { prepare: true });
    if (!result.wasApplied()) throw new Error(`The bare checkout was refused: ${first?.query}`);
  }

  return {
    async fillCart(productId) {
      const [cartId, writeId] = [types.Uuid.random(), types.Uuid.random()];
      await write([
        'INSERT INTO cart.carts (cart_id, version, write_id, lines, updated_at) VALUES (?, 1, ?, ?, ?) IF NOT EXISTS USING TTL 2592000',
        cartId,
        writeId,
        [cartLine(productId)],
        new Date(),
      ]);
      return { cartId, writeId, productId };
    },

    async place({ cartId, writeId, productId }) {
      const orderId = types.Uuid.random();
      const at = new Date();
      await write([
        `INSERT INTO orders.orders (order_id, seq, user_id, request_hash, status, version, total_minor, currency, address, created_at,
           updated_at, event, actor, at)
         VALUES (?, 1, ?, '', 'pending', 1, ?, ?, ?, ?, ?, 'pending', ?, ?) IF NOT EXISTS`,
        orderId,
        cartId,
        types.Long.fromNumber(0),
        currency,
        ADDRESS,
        at,
        at,
        String(cartId),
        at,
      ]);
      await write([
        `UPDATE cart.carts USING TTL 2592000 SET version = 2, write_id = ?, lines = null, takes = ?, updated_at = ?
         WHERE cart_id = ? IF version = 1 AND write_id = ?`,
        types.Uuid.random(),
        [{ order_id: orderId, lines: [cartLine(productId)] }],
        at,
        cartId,
        writeId,
      ]);
      const line = { product_id: productId, sku: 'SKU', name: 'Name', quantity: 1, unit_price_minor: PRICE };
      await write([
        'UPDATE orders.orders SET lines = ?, total_minor = ?, version = 2, updated_at = ? WHERE order_id = ? IF version = 1',
        [line],
        PRICE,
        at,
        orderId,
      ]);
      await write(
        [
          `UPDATE product.products SET available = available + ?, reserved = reserved + ? WHERE product_id = ? AND op_id = ?
           IF available >= ? AND status = 'active'`,
          -1,
          1,
          productId,
          HEAD,
          1,
        ],
        [
          `INSERT INTO product.products (product_id, op_id, kind, quantity, state, at)
           VALUES (?, ?, 'hold', 1, 'held', toTimestamp(now())) IF NOT EXISTS`,
          productId,
          orderId,
        ],
      );
      await write(
        [
          `UPDATE product.products SET reserved = reserved + ?, sold = sold + ? WHERE product_id = ? AND op_id = ?
           IF reserved >= ?`,
          -1,
          types.Long.fromNumber(1),
          productId,
          HEAD,
          1,
        ],
        [
          "UPDATE product.products SET state = 'committed' WHERE product_id = ? AND op_id = ? IF state = 'held' AND quantity = 1",
          productId,
          orderId,
        ],
      );
      await write(
        [
          "UPDATE orders.orders SET status = 'confirmed', version = 3, updated_at = ? WHERE order_id = ? IF version = 2",
          at,
          orderId,
        ],
        [
          "INSERT INTO orders.orders (order_id, seq, event, actor, at) VALUES (?, 3, 'confirmed', 'system', ?)",
          orderId,
          at,
        ],
      );
    },

    stop: () => client.shutdown(),
  };
}
