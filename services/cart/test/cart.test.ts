// Unit: the rules of a cart.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  addItem,
  assertRoomFor,
  type Cart,
  clearCart,
  emptyCart,
  giveTo,
  mergeCart,
  type Offer,
  REMEMBERED_MERGES,
  removeItem,
  restoreLines,
  setItem,
  takeLines,
} from '../src/carts/cart.ts';

const now = new Date('2026-01-01T00:00:00Z');
const offer = (productId: string, facts: Partial<Offer> = {}): Offer => ({
  productId,
  sku: `sku-${productId}`,
  name: productId,
  image: undefined,
  priceMinor: 1000,
  currency: 'USD',
  available: 5000,
  ...facts,
});
const cartOf = (quantities: Record<string, number>): Cart =>
  Object.entries(quantities).reduce(
    (cart, [productId, quantity]) => addItem(cart, offer(productId), quantity),
    emptyCart('u', now),
  );
const quantitiesOf = ({ lines }: Pick<Cart, 'lines'>) =>
  Object.fromEntries(lines.map(({ productId, quantity }) => [productId, quantity]));
const hundred = () => cartOf(Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`p${index}`, 1])));

describe('items of a cart', () => {
  it('adds to the quantity in the cart', () => {
    assert.deepEqual(quantitiesOf(addItem(cartOf({ a: 2, b: 1 }), offer('a'), 3)), { a: 5, b: 1 });
  });

  it('takes the current price and name into the line that is changed, and into no other', () => {
    const { lines } = addItem(cartOf({ a: 1, b: 1 }), offer('a', { priceMinor: 1200, name: 'new' }), 1);
    assert.deepEqual(
      lines.map(({ productId, name, unitPriceMinor }) => ({ productId, name, unitPriceMinor })),
      [
        { productId: 'a', name: 'new', unitPriceMinor: 1200 },
        { productId: 'b', name: 'b', unitPriceMinor: 1000 },
      ],
    );
  });

  it('sets the quantity, whether the product is in the cart or not', () => {
    assert.deepEqual(quantitiesOf(setItem(cartOf({ a: 5 }), offer('a'), 2)), { a: 2 });
    assert.deepEqual(quantitiesOf(setItem(cartOf({ a: 5 }), offer('b'), 2)), { a: 5, b: 2 });
  });

  it('holds 999 of a product and no more', () => {
    assert.deepEqual(quantitiesOf(addItem(cartOf({ a: 998 }), offer('a'), 1)), { a: 999 });
    assert.throws(
      () => addItem(cartOf({ a: 998 }), offer('a'), 2),
      (error: { code: string; extensions: { errors: { pointer: string }[] } }) =>
        error.code === 'validation_failed' && error.extensions.errors[0]?.pointer === '/quantity',
    );
  });

  it('refuses a resulting quantity above what is available', () => {
    const last = offer('a', { available: 3 });
    assert.deepEqual(quantitiesOf(addItem(cartOf({ a: 1 }), last, 2)), { a: 3 });
    assert.throws(() => addItem(cartOf({ a: 2 }), last, 2), {
      code: 'insufficient_stock',
      extensions: { productId: 'a', requested: 4, available: 3 },
    });
    assert.throws(() => setItem(cartOf({ a: 2 }), last, 4), { code: 'insufficient_stock' });
  });

  it('holds 100 products; the quantity of one in the cart may still grow', () => {
    const full = hundred();
    assert.throws(() => addItem(full, offer('new'), 1), { code: 'cart_full' });
    assert.throws(() => assertRoomFor(full, 'new'), { code: 'cart_full' });
    assert.equal(quantitiesOf(addItem(full, offer('p7'), 1)).p7, 2);
    assert.deepEqual(removeItem(full, 'p7').lines.length, 99);
  });

  it('gives the very same cart when nothing changes', () => {
    const cart = cartOf({ a: 1 });
    assert.equal(removeItem(cart, 'b'), cart);
    const empty = clearCart(cart);
    assert.equal(clearCart(empty), empty);
  });

  it('keeps its takes when it is cleared', () => {
    const { cart } = takeLines(cartOf({ a: 1 }), 'o');
    assert.deepEqual(clearCart(addItem(cart, offer('b'), 1)).takes, cart.takes);
  });
});

describe('take', () => {
  it('gives everything and leaves nothing', () => {
    const { cart, lines } = takeLines(cartOf({ a: 2, b: 1 }), 'o');
    assert.deepEqual(quantitiesOf({ lines }), { a: 2, b: 1 });
    assert.deepEqual(cart.lines, []);
  });

  it('gives the same again to the same order, and leaves what was added since', () => {
    const refilled = addItem(takeLines(cartOf({ a: 2 }), 'o').cart, offer('b'), 1);
    const again = takeLines(refilled, 'o');
    assert.equal(again.cart, refilled);
    assert.deepEqual(quantitiesOf(again), { a: 2 });
  });

  it('gives a second order nothing', () => {
    assert.deepEqual(takeLines(takeLines(cartOf({ a: 2 }), 'o').cart, 'p').lines, []);
  });

  it('of an empty cart stands too: a late repetition takes nothing that was added since', () => {
    const { cart } = takeLines(emptyCart('u', now), 'o');
    const filled = addItem(cart, offer('a'), 1);
    assert.deepEqual(takeLines(filled, 'o'), { cart: filled, lines: [] });
  });

  it('is remembered for the last 8 orders, newest last', () => {
    let cart = emptyCart('u', now);
    for (let index = 0; index < 9; index += 1) cart = takeLines(addItem(cart, offer('a'), 1), `o${index}`).cart;
    assert.deepEqual(
      cart.takes.map(({ orderId }) => orderId),
      ['o1', 'o2', 'o3', 'o4', 'o5', 'o6', 'o7', 'o8'],
    );
  });

  it('is remembered however many takes of the empty cart follow, of which the last 8 are remembered too', () => {
    let { cart } = takeLines(cartOf({ a: 2 }), 'full');
    for (let index = 0; index < 9; index += 1) cart = takeLines(cart, `o${index}`).cart;
    assert.deepEqual(
      cart.takes.map(({ orderId }) => orderId),
      ['full', 'o1', 'o2', 'o3', 'o4', 'o5', 'o6', 'o7', 'o8'],
    );
    assert.deepEqual(quantitiesOf(restoreLines(cart, 'full').cart), { a: 2 });
  });
});

describe("a guest's cart that is merged into a user's", () => {
  const guestOf = (id: string, quantities: Record<string, number>): Cart => ({ ...cartOf(quantities), id, version: 1 });

  it('goes to the first user who asks, and to nobody else', () => {
    const given = giveTo(guestOf('g', { a: 2 }), 'u');
    assert.equal(giveTo(given, 'v'), given);
    const stranger = { ...emptyCart('v', now) };
    assert.equal(mergeCart(stranger, given), stranger);
    assert.deepEqual(quantitiesOf(mergeCart(cartOf({ a: 1 }), given)), { a: 3 });
  });

  it('that does not exist can’t be given, and is not found', () => {
    const nothing = emptyCart('g', now);
    assert.equal(giveTo(nothing, 'u'), nothing);
    assert.throws(() => mergeCart(cartOf({}), nothing), { code: 'cart_not_found' });
  });

  it('is merged once, if it is among the last hundred', () => {
    const given = giveTo(guestOf('g', { a: 2 }), 'u');
    let cart = mergeCart(cartOf({}), given);
    assert.equal(mergeCart(cart, given), cart);
    for (let count = 1; count < REMEMBERED_MERGES; count += 1) {
      cart = mergeCart(cart, giveTo(guestOf(`g${count}`, {}), 'u'));
    }
    assert.equal(mergeCart(cart, given), cart);
    assert.equal(mergeCart(cart, giveTo(guestOf('late', {}), 'u')).merges.length, REMEMBERED_MERGES);
  });
});

describe('restore', () => {
  it('puts the lines back beside what was added since', () => {
    const refilled = addItem(takeLines(cartOf({ a: 2, b: 1 }), 'o').cart, offer('a'), 3);
    const { cart, restored } = restoreLines(refilled, 'o');
    assert.equal(restored, true);
    assert.deepEqual(quantitiesOf(cart), { a: 5, b: 1 });
  });

  it('does it once', () => {
    const first = restoreLines(takeLines(cartOf({ a: 2 }), 'o').cart, 'o').cart;
    assert.deepEqual(restoreLines(first, 'o'), { cart: first, restored: false });
  });

  it('puts back the right lines when another order has taken since', () => {
    const second = takeLines(addItem(takeLines(cartOf({ a: 2 }), 'o').cart, offer('b'), 1), 'p').cart;
    assert.deepEqual(quantitiesOf(restoreLines(second, 'o').cart), { a: 2 });
    assert.deepEqual(quantitiesOf(restoreLines(second, 'p').cart), { b: 1 });
  });

  it('leaves nothing for a late take, whether the order had taken or not', () => {
    const restored = restoreLines(takeLines(cartOf({ a: 2 }), 'o').cart, 'o').cart;
    assert.deepEqual(takeLines(restored, 'o'), { cart: restored, lines: [] });
    const cancelled = restoreLines(cartOf({ a: 2 }), 'o');
    assert.equal(cancelled.restored, false);
    assert.deepEqual(takeLines(cancelled.cart, 'o'), { cart: cancelled.cart, lines: [] });
    assert.deepEqual(quantitiesOf(cancelled.cart), { a: 2 });
  });

  it('stops at 999 of a product and at 100 products', () => {
    const many = restoreLines(addItem(takeLines(cartOf({ a: 600 }), 'o').cart, offer('a'), 600), 'o').cart;
    assert.deepEqual(quantitiesOf(many), { a: 999 });
    let other = takeLines(hundred(), 'o').cart;
    for (let index = 50; index < 148; index += 1) other = addItem(other, offer(`p${index}`), 1);
    const full = restoreLines(other, 'o').cart;
    assert.equal(full.lines.length, 100);
    assert.equal(quantitiesOf(full).p50, 2);
    assert.equal(quantitiesOf(full).p147, 1);
  });

  it('keeps the price of the line in the cart', () => {
    const refilled = addItem(takeLines(cartOf({ a: 1 }), 'o').cart, offer('a', { priceMinor: 900 }), 1);
    assert.equal(restoreLines(refilled, 'o').cart.lines[0]?.unitPriceMinor, 900);
  });
});

describe('in any order, repetition or delay of the messages of two checkouts', () => {
  type Answers = Readonly<Record<string, Cart['lines']>>;

  it('no piece is lost or duplicated, and each order gets one answer until its restore, then nothing', () => {
    const walk = (cart: Cart, answers: Answers, added: number, length: number) => {
      assert.equal(piecesIn(cart), added);
      if (length === 7) return;
      walk(addItem(cart, offer('a'), 1), answers, added + 1, length + 1);
      for (const orderId of ['o', 'p']) {
        const take = takeLines(cart, orderId);
        if (answers[orderId]) assert.deepEqual(take.lines, answers[orderId]);
        walk(take.cart, { ...answers, [orderId]: take.lines }, added, length + 1);

        const { cart: after, restored } = restoreLines(cart, orderId);
        assert.equal(restored, (answers[orderId]?.length ?? 0) > 0);
        walk(after, { ...answers, [orderId]: [] }, added, length + 1);
      }
    };
    walk(emptyCart('u', now), {}, 0, 0);
  });

  /** In the cart and out on orders. */
  function piecesIn({ lines, takes }: Cart): number {
    return [...lines, ...takes.flatMap((take) => take.lines)].reduce((sum, { quantity }) => sum + quantity, 0);
  }
});
