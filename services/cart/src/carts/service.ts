import { NotFound } from '#platform/errors.ts';
import type { ProductClient } from '../clients/product.ts';
import {
  addItem,
  assertRoomFor,
  type Cart,
  type CartLine,
  clearCart,
  emptyCart,
  type Offer,
  removeItem,
  restoreLines,
  setItem,
  takeLines,
} from './cart.ts';
import { type Offers, type PricedCart, priceCart } from './priced-cart.ts';
import type { CartRepository } from './repository.ts';

export type ChangeKind = 'item_added' | 'item_set' | 'item_removed' | 'cleared' | 'taken' | 'restored';

/**
 * The carts of signed-in users. What is shown is always at today's prices: without the product service it is Unavailable
 * `upstream_unavailable`, and then nothing was changed either. Two changes at once both count.
 */
export interface Carts {
  getCart(userId: string): Promise<PricedCart>;
  /**
   * Adds to what is there. Throws NotFound `product_not_found`, Conflict `insufficient_stock` or `cart_full`, and `validation_failed`
   * when the line would exceed 999.
   */
  addItem(userId: string, productId: string, quantity: number): Promise<PricedCart>;
  /** Makes it `quantity`, a product that isn't in the cart too; 0 removes it. Throws as `addItem`. */
  setItem(userId: string, productId: string, quantity: number): Promise<PricedCart>;
  /** Removing what isn't there changes nothing. */
  removeItem(userId: string, productId: string): Promise<PricedCart>;
  clear(userId: string): Promise<PricedCart>;
  /** Empties the cart for an order and gives its lines; the same lines again for the same order, none once they were restored. */
  take(userId: string, orderId: string): Promise<readonly CartLine[]>;
  /** Puts back what the order took, once; false when there is nothing to put back. After it the order can't take anything any more. */
  restore(userId: string, orderId: string): Promise<boolean>;
}

export interface CartsParts {
  readonly repository: CartRepository;
  readonly products: ProductClient;
  readonly currency: string;
  countChange(kind: ChangeKind): void;
}

export function createCarts({ repository, products, currency, countChange }: CartsParts): Carts {
  const listOffers = (cart: Cart, ...others: string[]) =>
    products.listOffers([...new Set([...cart.lines.map(({ productId }) => productId), ...others])]);

  /** Makes one line anew from today's offer of its product. */
  async function changeItem(userId: string, productId: string, change: (cart: Cart, offer: Offer) => Cart) {
    const { cart, offers } = await repository.changeCart(userId, async (before) => {
      assertRoomFor(before, productId);
      const offers = await listOffers(before, productId);
      return { cart: change(before, getOffer(offers, productId)), offers };
    });
    return priceCart(cart, offers, currency);
  }

  async function remove(userId: string, productId: string): Promise<PricedCart> {
    const { cart, offers, removed } = await repository.changeCart(userId, async (before) => {
      const after = removeItem(before, productId);
      return { cart: after, offers: await listOffers(after), removed: after !== before };
    });
    if (removed) countChange('item_removed');
    return priceCart(cart, offers, currency);
  }

  return {
    async getCart(userId) {
      const cart = (await repository.findCart(userId)) ?? emptyCart(userId, new Date());
      return priceCart(cart, await listOffers(cart), currency);
    },

    async addItem(userId, productId, quantity) {
      const cart = await changeItem(userId, productId, (before, offer) => addItem(before, offer, quantity));
      countChange('item_added');
      return cart;
    },

    async setItem(userId, productId, quantity) {
      if (quantity === 0) return remove(userId, productId);
      const cart = await changeItem(userId, productId, (before, offer) => setItem(before, offer, quantity));
      countChange('item_set');
      return cart;
    },

    removeItem: remove,

    async clear(userId) {
      const { cart, cleared } = await repository.changeCart(userId, (before) => {
        const after = clearCart(before);
        return { cart: after, cleared: after !== before };
      });
      if (cleared) countChange('cleared');
      return priceCart(cart, new Map(), currency);
    },

    async take(userId, orderId) {
      const { lines, taken } = await repository.changeCart(userId, (before) => {
        const take = takeLines(before, orderId);
        return { ...take, taken: before.lines.length > 0 && take.cart !== before };
      });
      if (taken) countChange('taken');
      return lines;
    },

    async restore(userId, orderId) {
      const { restored } = await repository.changeCart(userId, (before) => restoreLines(before, orderId));
      if (restored) countChange('restored');
      return restored;
    },
  };
}

function getOffer(offers: Offers, productId: string): Offer {
  const offer = offers.get(productId);
  if (!offer) throw new NotFound('product_not_found', 'There is no such product.');
  return offer;
}
