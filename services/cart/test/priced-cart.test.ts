// Unit: a cart at current prices.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addItem, emptyCart, type Offer } from '../src/carts/cart.ts';
import { priceCart } from '../src/carts/priced-cart.ts';

const lamp: Offer = {
  productId: 'lamp',
  sku: 'L-1',
  name: 'Lamp',
  image: 'https://img.example/lamp.jpg',
  priceMinor: 1000,
  currency: 'USD',
  available: 10,
};
const chair: Offer = { ...lamp, productId: 'chair', sku: 'C-1', name: 'Chair', priceMinor: 500 };
const cart = addItem(addItem(emptyCart('u', new Date(0)), lamp, 3), chair, 2);
const price = (...offers: Offer[]) => priceCart(cart, new Map(offers.map((offer) => [offer.productId, offer])), 'USD');

describe('a priced cart', () => {
  it('sums its line totals', () => {
    const { lines, itemCount, totalMinor, warnings } = price(lamp, chair);
    assert.deepEqual(
      lines.map(({ lineTotalMinor }) => lineTotalMinor),
      [3000, 1000],
    );
    assert.deepEqual({ itemCount, totalMinor, warnings }, { itemCount: 5, totalMinor: 4000, warnings: [] });
  });

  it('shows and sums the current price, and warns of the change', () => {
    const { lines, totalMinor, warnings } = price({ ...lamp, priceMinor: 1200, name: 'Lamp II' }, chair);
    assert.equal(lines[0]?.unitPriceMinor, 1200);
    assert.equal(lines[0]?.name, 'Lamp II');
    assert.equal(totalMinor, 4600);
    assert.deepEqual(warnings, [
      { code: 'price_changed', productId: 'lamp', previousMinor: 1000, currentMinor: 1200, currency: 'USD' },
    ]);
  });

  it('warns of stock below the quantity, and still counts the line', () => {
    const { totalMinor, warnings } = price({ ...lamp, available: 2 }, chair);
    assert.equal(totalMinor, 4000);
    assert.deepEqual(warnings, [{ code: 'low_stock', productId: 'lamp', available: 2 }]);
    assert.deepEqual(price({ ...lamp, available: 3 }, chair).warnings, []);
  });

  it('warns of a product that is sold out, and still counts the line, as an order does', () => {
    const { lines, itemCount, totalMinor, warnings } = price({ ...lamp, available: 0 }, chair);
    assert.deepEqual({ itemCount, totalMinor }, { itemCount: 5, totalMinor: 4000 });
    assert.equal(lines[0]?.lineTotalMinor, 3000);
    assert.deepEqual(warnings, [{ code: 'unavailable', productId: 'lamp' }]);
  });

  it('shows a product that is no longer sold as it was last known, and still counts the line', () => {
    const { lines, totalMinor, warnings } = price(chair);
    assert.deepEqual(lines[0], {
      productId: 'lamp',
      sku: 'L-1',
      name: 'Lamp',
      image: 'https://img.example/lamp.jpg',
      quantity: 3,
      unitPriceMinor: 1000,
      lineTotalMinor: 3000,
      currency: 'USD',
      available: 0,
    });
    assert.equal(totalMinor, 4000);
    assert.deepEqual(warnings, [{ code: 'unavailable', productId: 'lamp' }]);
  });

  it('costs nothing when it is empty, in the currency of the shop', () => {
    const { totalMinor, currency, lines } = priceCart(emptyCart('u', new Date(0)), new Map(), 'EUR');
    assert.deepEqual({ totalMinor, currency, lines }, { totalMinor: 0, currency: 'EUR', lines: [] });
  });
});
