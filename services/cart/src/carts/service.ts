import { Unauthorized } from '#platform/errors.ts';
import type { RecentOffers } from '../clients/recent-offers.ts';
import {
  addItem,
  assertRoomFor,
  type Cart,
  type CartLine,
  clearCart,
  emptyCart,
  giveTo,
  isOpen,
  mergeCart,
  type Offer,
  removeItem,
  restoreLines,
  setItem,
  takeLines,
} from './cart.ts';
import type { GuestTokens } from './guest-token.ts';
import { type Offers, type PricedCart, priceCart } from './priced-cart.ts';
import { cartNotFound, productNotFound } from './refusals.ts';
import type { CartRepository } from './repository.ts';

export const CHANGES = [
  'opened',
  'item_added',
  'item_set',
  'item_removed',
  'cleared',
  'merged',
  'taken',
  'restored',
] as const;
export type ChangeKind = (typeof CHANGES)[number];

/** Whose cart: a signed-in user's, who always has one, or that of whoever holds the token of a guest's cart. */
export type CartOwner = { readonly userId: string } | { readonly token: string };

/**
 * The carts of users and guests. A line that is added or set is shown at the price of the moment, any other at that of the moment or of a
 * moment ago: without the product service it is Unavailable `upstream_unavailable`, and then nothing was changed either. Two changes at once both count. Where an
 * owner's token opens no cart it is Unauthorized.
 */
export interface Carts {
  /** A guest's new, empty cart; its token is told here and never again. */
  openGuestCart(): Promise<{ cart: PricedCart; token: string }>;
  getCart(owner: CartOwner): Promise<PricedCart>;
  /**
   * Adds to what is there. Throws NotFound `product_not_found`, Conflict `insufficient_stock` or `cart_full`, and `validation_failed`
   * when the line would exceed 999.
   */
  addItem(owner: CartOwner, productId: string, quantity: number): Promise<PricedCart>;
  /** Makes it `quantity`, a product that isn't in the cart too; 0 removes it. Throws as `addItem`. */
  setItem(owner: CartOwner, productId: string, quantity: number): Promise<PricedCart>;
  /** Removing what isn't there changes nothing. */
  removeItem(owner: CartOwner, productId: string): Promise<PricedCart>;
  clear(owner: CartOwner): Promise<PricedCart>;
  /**
   * Takes what is in the guest's cart into the user's; quantities add up, capped. It comes to one user once, however often and by whoever
   * it is asked; where it brings nothing the cart stays as it is. The guest's cart is closed first: without an answer, ask again. Throws
   * NotFound `cart_not_found`.
   */
  merge(userId: string, guestToken: string): Promise<PricedCart>;
  /** Empties the cart for an order and gives its lines; the same lines again for the same order, none once they were restored. */
  take(userId: string, orderId: string): Promise<readonly CartLine[]>;
  /** Puts back what the order took, once; false when there is nothing to put back. After it the order can't take anything any more. */
  restore(userId: string, orderId: string): Promise<boolean>;
}

export interface CartsParts {
  readonly repository: CartRepository;
  readonly products: RecentOffers;
  readonly guestTokens: GuestTokens;
  readonly currency: string;
  countChange(kind: ChangeKind): void;
}

export function createCarts({ repository, products, guestTokens, currency, countChange }: CartsParts): Carts {
  /** For showing the cart; what is decided by an offer is decided by that of now. */
  const listOffers = (cart: Cart, ...decisive: string[]) => products.listOffers(productIdsOf(cart), ...decisive);

  function toCartId(owner: CartOwner): string {
    if ('userId' in owner) return owner.userId;
    const cartId = guestTokens.toCartId(owner.token);
    if (cartId === undefined) throw new Unauthorized();
    return cartId;
  }

  function assertOpensFor(owner: CartOwner, cart: Cart): void {
    if (!('userId' in owner) && !isOpen(cart)) throw new Unauthorized();
  }

  async function changeCart<Decision extends { readonly cart: Cart }>(
    owner: CartOwner,
    decide: (cart: Cart) => Decision | Promise<Decision>,
  ): Promise<Decision> {
    return repository.changeCart(toCartId(owner), (before) => {
      assertOpensFor(owner, before);
      return decide(before);
    });
  }

  /** Makes one line anew from today's offer of its product. */
  async function changeItem(owner: CartOwner, productId: string, change: (cart: Cart, offer: Offer) => Cart) {
    const { cart, offers } = await changeCart(owner, async (before) => {
      assertRoomFor(before, productId);
      const offers = await listOffers(before, productId);
      return { cart: change(before, getOffer(offers, productId)), offers };
    });
    return priceCart(cart, offers, currency);
  }

  async function remove(owner: CartOwner, productId: string): Promise<PricedCart> {
    const { cart, offers, removed } = await changeCart(owner, async (before) => {
      const after = removeItem(before, productId);
      return { cart: after, offers: await listOffers(after), removed: after !== before };
    });
    if (removed) countChange('item_removed');
    return priceCart(cart, offers, currency);
  }

  return {
    async openGuestCart() {
      const { text: token, cartId } = guestTokens.create();
      // A copy counts as a change: a token opens only what was written.
      const { cart } = await repository.changeCart(cartId, (before) => ({ cart: { ...before } }));
      countChange('opened');
      return { cart: priceCart(cart, new Map(), currency), token };
    },

    async getCart(owner) {
      const cartId = toCartId(owner);
      const cart = (await repository.findCart(cartId)) ?? emptyCart(cartId, new Date());
      assertOpensFor(owner, cart);
      return priceCart(cart, await listOffers(cart), currency);
    },

    async addItem(owner, productId, quantity) {
      const cart = await changeItem(owner, productId, (before, offer) => addItem(before, offer, quantity));
      countChange('item_added');
      return cart;
    },

    async setItem(owner, productId, quantity) {
      if (quantity === 0) return remove(owner, productId);
      const cart = await changeItem(owner, productId, (before, offer) => setItem(before, offer, quantity));
      countChange('item_set');
      return cart;
    },

    removeItem: remove,

    async clear(owner) {
      const { cart, cleared } = await changeCart(owner, (before) => {
        const after = clearCart(before);
        return { cart: after, cleared: after !== before };
      });
      if (cleared) countChange('cleared');
      return priceCart(cart, new Map(), currency);
    },

    async merge(userId, guestToken) {
      const guestCartId = guestTokens.toCartId(guestToken);
      if (guestCartId === undefined) throw cartNotFound();
      const { cart: guest } = await repository.changeCart(guestCartId, (before) => ({ cart: giveTo(before, userId) }));
      const { cart, offers, merged } = await repository.changeCart(userId, async (before) => {
        const after = mergeCart(before, guest);
        return { cart: after, offers: await listOffers(after), merged: after !== before };
      });
      if (merged) countChange('merged');
      return priceCart(cart, offers, currency);
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

function productIdsOf(cart: Cart): string[] {
  return cart.lines.map(({ productId }) => productId);
}

function getOffer(offers: Offers, productId: string): Offer {
  const offer = offers.get(productId);
  if (!offer) throw productNotFound();
  return offer;
}
