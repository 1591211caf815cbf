import { Unauthorized } from '#platform/errors.ts';
import type { OfferCache } from '../clients/offer-cache.ts';
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
import type { CartChange, CartRepository } from './repository.ts';

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

/** Whose cart: that of a signed-in user, who always has one, or that of whoever holds a guest's cart token. */
export type CartOwner = { readonly userId: string } | { readonly token: string };

/**
 * The carts of users and guests. A line being added or set is priced as of now; the others, in a busy store, as of at most a second ago.
 * Without the product service, throws Unavailable `upstream_unavailable` and changes nothing. Concurrent changes all count. Throws
 * Unauthorized when the owner's token opens no cart.
 */
export interface CartService {
  /** A guest's new, empty cart, and its token, which is never shown again. */
  openGuestCart(): Promise<{ cart: PricedCart; token: string }>;
  getCart(owner: CartOwner): Promise<PricedCart>;
  /**
   * Adds to the quantity in the cart. Throws NotFound `product_not_found`, Conflict `insufficient_stock` or `cart_full`, and
   * `validation_failed` when the line would exceed 999.
   */
  addItem(owner: CartOwner, productId: string, quantity: number): Promise<PricedCart>;
  /** Sets the quantity, whether the product is in the cart or not; 0 removes it. Throws as `addItem`. */
  setItem(owner: CartOwner, productId: string, quantity: number): Promise<PricedCart>;
  /** Removing a product that isn't in the cart changes nothing. */
  removeItem(owner: CartOwner, productId: string): Promise<PricedCart>;
  clear(owner: CartOwner): Promise<PricedCart>;
  /**
   * Merges the guest's cart into the user's; quantities add up, capped. A guest's cart is merged once, into one user's cart; any further
   * merge of it changes nothing. It is closed first: a caller that gets no answer should retry. Throws NotFound `cart_not_found`.
   */
  merge(userId: string, guestToken: string): Promise<PricedCart>;
  /** Empties the cart for an order and returns its lines: the same lines each time for the same order, none once they were restored. */
  take(userId: string, orderId: string): Promise<readonly CartLine[]>;
  /** Puts back what the order took, once; false when there is nothing to put back. From then on the order takes nothing. */
  restore(userId: string, orderId: string): Promise<boolean>;
}

export interface CartServiceParts {
  readonly repository: CartRepository;
  readonly products: OfferCache;
  readonly guestTokens: GuestTokens;
  readonly currency: string;
  readonly now: () => Date;
  countChange(kind: ChangeKind): void;
}

export function createCartService(parts: CartServiceParts): CartService {
  const { repository, products, guestTokens, currency, now, countChange } = parts;

  /** The offers of the cart's products and of `fresh`; a decision needs fresh ones. */
  const listOffers = (cart: Cart, ...fresh: string[]) => products.listOffers(productIdsOf(cart), ...fresh);

  function toCartId(owner: CartOwner): string {
    if ('userId' in owner) return owner.userId;
    const cartId = guestTokens.toCartId(owner.token);
    if (cartId === undefined) throw new Unauthorized();
    return cartId;
  }

  function assertOpensFor(owner: CartOwner, cart: Cart): void {
    if (!('userId' in owner) && !isOpen(cart)) throw new Unauthorized();
  }

  function changeCart<Decision extends { readonly cart: Cart }>(
    owner: CartOwner,
    decide: (cart: Cart) => Decision | Promise<Decision>,
  ): Promise<CartChange<Decision>> {
    return repository.changeCart(toCartId(owner), (before) => {
      assertOpensFor(owner, before);
      return decide(before);
    });
  }

  /** Changes one line, by the current offer of its product. */
  async function changeItem(owner: CartOwner, productId: string, change: (cart: Cart, offer: Offer) => Cart) {
    const { cart, offers } = await changeCart(owner, async (before) => {
      assertRoomFor(before, productId);
      const offers = await listOffers(before, productId);
      return { cart: change(before, getOffer(offers, productId)), offers };
    });
    return priceCart(cart, offers, currency);
  }

  async function remove(owner: CartOwner, productId: string): Promise<PricedCart> {
    const { cart, offers, changed } = await changeCart(owner, async (before) => {
      const after = removeItem(before, productId);
      return { cart: after, offers: await listOffers(after) };
    });
    if (changed) countChange('item_removed');
    return priceCart(cart, offers, currency);
  }

  return {
    async openGuestCart() {
      const { text: token, cartId } = guestTokens.create();
      // A copy counts as a change, so the cart is written: a token opens no other.
      const { cart } = await repository.changeCart(cartId, (before) => ({ cart: { ...before } }));
      countChange('opened');
      return { cart: priceCart(cart, new Map(), currency), token };
    },

    async getCart(owner) {
      const cartId = toCartId(owner);
      const cart = (await repository.findCart(cartId)) ?? emptyCart(cartId, now());
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
      const { cart, changed } = await changeCart(owner, (before) => ({ cart: clearCart(before) }));
      if (changed) countChange('cleared');
      return priceCart(cart, new Map(), currency);
    },

    async merge(userId, guestToken) {
      const guestCartId = guestTokens.toCartId(guestToken);
      if (guestCartId === undefined) throw cartNotFound();
      const { cart: guest } = await repository.changeCart(guestCartId, (before) => ({ cart: giveTo(before, userId) }));
      const { cart, offers, changed } = await repository.changeCart(userId, async (before) => {
        const after = mergeCart(before, guest);
        return { cart: after, offers: await listOffers(after) };
      });
      if (changed) countChange('merged');
      return priceCart(cart, offers, currency);
    },

    async take(userId, orderId) {
      const { lines, changed } = await repository.changeCart(userId, (before) => takeLines(before, orderId));
      if (changed && lines.length > 0) countChange('taken');
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
