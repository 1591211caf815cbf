import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { readSigningKeys, type SigningKey } from '#platform/auth/keys.ts';
import { issueUserToken } from '#platform/auth/user-token.ts';
import {
  type Account,
  type Answer,
  bodyOf,
  newAccount,
  type Order,
  type Sent,
  SOMEWHERE,
} from '../../src/shop-client.ts';
import type { TestProduct } from '../../test-support/catalogue.ts';
import { eventually } from '../../test-support/eventually.ts';
import type { RunningStore } from '../running-store.ts';

/** ms for an order on a slow machine. */
const DECIDED_WITHIN = 20_000;

/** Who sends a request. A stranger is signed in as a user other than the owner; a guest has a cart and nothing else. */
export const ROLES = ['nobody', 'guest', 'stranger', 'owner', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** A signed-in user with an account. */
export interface Member {
  readonly account: Account;
  readonly userId: string;
  readonly token: string;
  readonly refreshToken: string;
}

export type Caller = Pick<Sent, 'token' | 'headers'>;

/** The people that requests need, and what they own; each call creates something new. */
export interface People {
  readonly admin: Member;
  readonly stranger: Member;
  /** The store's keys for access tokens: the first one signs, the next one is already published. */
  readonly userKeys: readonly SigningKey[];
  callerOf(role: Role, owner: Member): Promise<Caller>;
  newMember(): Promise<Member>;
  /** Signed in without an account, so that no password is hashed: enough for a cart and orders. */
  newShopper(): Member;
  newProduct(stock?: number): Promise<TestProduct>;
  /** Slug and tag. */
  newCategory(): Promise<{ slug: string; etag: string }>;
  newGuestCart(): Promise<string>;
  /** An order of one unit of a new product, at least confirmed. */
  newOrder(owner: Pick<Member, 'token'>): Promise<Order>;
  /** Puts one unit of a new product into the caller's cart; gives the product's id. */
  fillCart(caller: Caller): Promise<string>;
}

export async function meetPeople({ store, settings, shop, catalogue }: RunningStore): Promise<People> {
  const userKeys = readSigningKeys(join(store.dataDir, 'keys/user/user-keys.json'));
  const admin = await signIn({
    email: settings.adminEmail,
    password: settings.adminPassword as string,
    name: 'Admin',
  });

  async function signIn(account: Account): Promise<Member> {
    const tokens = bodyOf(await shop.login(account), 200);
    const { id } = bodyOf(await shop.as(tokens.access_token).profile(), 200);
    return { account, userId: id, token: tokens.access_token, refreshToken: tokens.refresh_token };
  }

  async function newMember(): Promise<Member> {
    const account = newAccount();
    bodyOf(await shop.register(account), 201);
    return signIn(account);
  }

  function newShopper(): Member {
    const userId = randomUUID();
    const token = issueUserToken({ userId, sessionId: randomUUID(), role: 'user' }, userKeys[0]);
    return { account: newAccount(), userId, token, refreshToken: '' };
  }

  async function newGuestCart(): Promise<string> {
    const opened: Answer<{ cartToken: string }> = await shop.send({ method: 'POST', path: '/api/v1/cart' });
    return bodyOf(opened, 201).cartToken;
  }

  const newProduct = (stock = 100) => catalogue.addProduct({ stock });

  async function fillCart(caller: Caller): Promise<string> {
    const { id } = await newProduct();
    const body = { productId: id, quantity: 1 };
    bodyOf(await shop.send({ method: 'POST', path: '/api/v1/cart/items', ...caller, body }), 201);
    return id;
  }

  const stranger = await newMember();
  return {
    admin,
    stranger,
    userKeys,
    newMember,
    newShopper,
    newProduct,
    newGuestCart,
    fillCart,

    async callerOf(role, owner) {
      if (role === 'nobody') return {};
      if (role === 'guest') return { headers: { 'x-cart-token': await newGuestCart() } };
      return { token: { stranger, owner, admin }[role].token };
    },

    async newCategory() {
      const slug = `things-${randomUUID().slice(0, 8)}`;
      const body = { slug, name: 'Things' };
      const made = await shop.send({ method: 'POST', path: '/api/v1/categories', token: admin.token, body });
      bodyOf(made, 201);
      return { slug, etag: made.headers.etag as string };
    },

    async newOrder(owner) {
      await fillCart({ token: owner.token });
      const shopper = shop.as(owner.token);
      const { id } = bodyOf(await shopper.placeOrder(randomUUID(), SOMEWHERE), 201, 202);
      return eventually(
        async () => bodyOf(await shopper.order(id), 200),
        ({ status }) => status !== 'pending',
        DECIDED_WITHIN,
      );
    },
  };
}
