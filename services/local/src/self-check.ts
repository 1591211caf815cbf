import { setTimeout as sleep } from 'node:timers/promises';
import { bodyOf, createShop, newAccount, type Order, type Shopper } from './shop-client.ts';

const DECIDED_WITHIN_MS = 15_000;

/**
 * Makes one real purchase through Nginx: a new shopper signs up, browses, fills the cart, orders and reads the order back. Resolves to a
 * sentence that says what was bought; throws an Error that says what didn't work.
 */
export async function selfCheckPurchase(baseUrl: string): Promise<string> {
  const shop = createShop(baseUrl, { connections: 1 });
  try {
    const [summary] = bodyOf(await shop.listProducts({ inStock: true, sort: 'price', limit: 1 }), 200).data;
    if (!summary) return 'Nothing is in stock, so nothing was bought.';
    const account = newAccount('self-check');
    bodyOf(await shop.register(account), 201);
    const signedIn = await shop.login(account);
    // Others on this machine have failed to sign in too often; the store is healthy.
    if (signedIn.status === 429) return 'Nothing was bought: sign-ins from this address are refused for now.';
    const { access_token: token } = bodyOf(signedIn, 200);
    const { id, name, price } = bodyOf(await shop.product(summary.id), 200);

    const shopper = shop.as(token);
    const cart = bodyOf(await shopper.addItem(id, 1), 201);
    const placed = bodyOf(await shopper.placeOrder(crypto.randomUUID()), 201, 202);
    const order = await decided(shopper, placed.id);
    if (order.status === 'rejected' || order.total.amount !== cart.total.amount) {
      throw new Error(`Order ${order.id} is ${order.status} at ${order.total.amount}, not at ${cart.total.amount}.`);
    }
    const cost = new Intl.NumberFormat('en', { style: 'currency', currency: price.currency });
    const digits = cost.resolvedOptions().maximumFractionDigits ?? 2;
    const total = cost.format(order.total.amount / 10 ** digits);
    return `Bought one “${name}” for ${total}: order ${order.id} is ${order.status}.`;
  } finally {
    await shop.close();
  }
}

/** The order, once it is no longer pending. */
async function decided(shopper: Shopper, orderId: string): Promise<Order> {
  for (const deadline = Date.now() + DECIDED_WITHIN_MS; ; await sleep(200)) {
    const order = bodyOf(await shopper.order(orderId), 200);
    if (order.status !== 'pending') return order;
    if (Date.now() > deadline)
      throw new Error(`Order ${orderId} is still pending after ${DECIDED_WITHIN_MS / 1000} s.`);
  }
}
