import { fail, sleep } from 'k6';
import exec from 'k6/execution';
import { Counter } from 'k6/metrics';
import { addToCart, clearCart, listProducts, placeOrder, type Session, signIn, viewCart, viewProduct } from './shop.ts';

/** What `setup` found in the store. */
export interface Shop {
  readonly categories: readonly string[];
  /** Products in stock. */
  readonly products: readonly string[];
}

/** How many different shoppers there are; `npm run seed -- --users` creates them. */
const USERS = Number(__ENV.SEEDED_USERS ?? 1000);
const PASSWORD = __ENV.SHOPPER_PASSWORD ?? '';
const SORTS = ['-createdAt', 'price', '-price', 'name'];

/** Makes the keys of each run different. */
const RUN = `${Date.now()}-${Math.random()}`;

/** Completed visits, by kind. */
const flows = new Counter('shopper_flows');
/** Answers to orders: `confirmed`, `pending`, or the code of a refusal. */
const orders = new Counter('orders');

/** Of this virtual user. */
let session: Session | undefined;

/** As in services/local/src/seed/users.ts. */
export function shopperEmail(number: number): string {
  return `shopper-${String(number).padStart(5, '0')}@example.com`;
}

/** This virtual user's token; signs in if there is none, or it expires soon. */
export function token(): string {
  if (session === undefined || Date.now() > session.endsAt) {
    session = signIn(shopperEmail(((exec.vu.idInTest - 1) % USERS) + 1), PASSWORD);
  }
  return session?.token ?? fail('The sign-in was refused.');
}

/** One typical visit: seven of ten look around, one of twenty buys. */
export function visit(shop: Shop): void {
  const dice = Math.random();
  if (dice < 0.7) counted('browse', () => lookAround(shop));
  else if (dice < 0.85) counted('product', () => viewProduct(pick(shop.products)));
  else if (dice < 0.93) counted('cart', () => fillCart(shop));
  else if (dice < 0.95) counted('sign-in', signInAnew);
  else counted('checkout', () => buy(shop));
  think();
}

/** A list, and one product of it. */
export function lookAround({ categories }: Shop): void {
  const place = Math.random() < 0.5 ? '' : `&category=${pick(categories)}`;
  const { ids } = listProducts(`limit=20&sort=${pick(SORTS)}${place}`);
  think();
  if (ids.length > 0) viewProduct(pick(ids));
}

export function buy(shop: Shop): void {
  const own = token();
  if (!addToCart(own, pick(shop.products))) return;
  think();
  checkOut(own);
}

/** A purchase by the owner of `token`, as fast as possible, without looking at anything first. */
export function buyAtOnce(token: string, productId: string): void {
  if (addToCart(token, productId)) checkOut(token);
}

function fillCart(shop: Shop): void {
  const own = token();
  addToCart(own, pick(shop.products));
  think();
  viewCart(own);
  // Keeps carts as long as those of real people.
  if (Math.random() < 0.3) clearCart(own);
}

function signInAnew(): void {
  session = undefined;
  token();
}

function checkOut(own: string): void {
  const { status, outcome } = placeOrder(own, `${RUN}-${exec.vu.idInTest}-${exec.vu.iterationInInstance}`);
  orders.add(1, { outcome });
  // A refused order's items are back in the cart, and would be refused again.
  if (status === 409) clearCart(own);
}

function counted(kind: string, flow: () => void): void {
  flow();
  flows.add(1, { kind });
}

function think(): void {
  const most = Number(__ENV.THINK_SECONDS || 2);
  if (most > 0) sleep(most * (0.25 + 0.75 * Math.random()));
}

export function pick<Item>(items: readonly Item[]): Item {
  return items[Math.floor(Math.random() * items.length)] as Item;
}
