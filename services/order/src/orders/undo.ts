import type { CartClient } from '../clients/cart.ts';
import type { ProductClient } from '../clients/product.ts';
import type { OrderRecord } from './order.ts';

/**
 * Gives back what an order that won't be delivered has taken: its stock always, the cart's items unless the shopper decided, that is, of
 * an order that was rejected, or cancelled before it had lines. Repeatable; does nothing for any other order.
 */
export type Undo = (order: OrderRecord) => Promise<void>;

export function createUndo({ product, cart }: { product: ProductClient; cart: CartClient }): Undo {
  return async ({ id, userId, status, lines, rejection }) => {
    if (status === 'cancelled' && lines) await product.return(id, lines);
    if (status === 'cancelled' && !lines) await cart.restore(userId, id);
    if (status === 'rejected' && lines) await product.release(id, lines);
    if (status === 'rejected' && rejection?.code !== 'cart_empty') await cart.restore(userId, id);
  };
}
