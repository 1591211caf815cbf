// Integration: guests' carts, and what becomes of them when the guest signs in.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import request from 'supertest';
import { type ApiDocument, createContractCheckOf } from '../../local/src/contract-check.ts';
import { connectAs } from '../../local/test-support/cassandra.ts';
import type { Death } from '../../local/test-support/dying-platform.ts';
import { userToken } from '../../local/test-support/service-config.ts';
import { CartBody, GuestCartBody } from '../src/carts/schema.ts';
import type { ProductStub } from './support/product-stub.ts';
import { guest, newGuest, nextSecond, openStore, type Store, shopper } from './support/store.ts';

/** The request, as supertest keeps it with its answer. */
interface Sent {
  readonly method: string;
  readonly url: string;
}

type Guest = Awaited<ReturnType<typeof newGuest>>;

let store: Store;
let service: Store['replicas'][0];
let other: Store['replicas'][0];
let product: ProductStub;
let gus: Guest;
let ann: ReturnType<typeof shopper>;

before(async () => {
  store = await openStore({ replicas: 2 });
  service = store.replicas[0];
  other = store.replicas[1] as typeof service;
  product = store.product;
});
after(() => store.close());
beforeEach(async () => {
  gus = await newGuest(service);
  ann = shopper(service);
});

describe("a guest's cart", () => {
  it('is opened by POST without Bearer: 201, empty, with a unique token that no other answer shows', async () => {
    const { body, headers } = await request(service.app).post('/api/v1/cart').expect(201);
    GuestCartBody.parse(body);
    assert.deepEqual([body.items, body.itemCount, body.version], [[], 0, 1]);
    assert.equal(headers['cache-control'], 'no-store');
    assert.notEqual(body.cartToken, gus.cartToken);
    const shown = await guest(service, body.cartToken).getCart().expect(200);
    assert.equal(CartBody.parse(shown.body).id, body.id);
    assert.ok(!shown.text.includes(body.cartToken));
  });

  it('is stored under a hash: its token is nowhere in the database', async () => {
    await gus.add(product.offer().id, 1).expect(201);
    const { contactPoints, admin, keyspacePrefix } = store.keyspaces;
    const client = await connectAs(contactPoints, admin, `${keyspacePrefix}cart`);
    const { rows } = await client.execute('SELECT * FROM carts');
    await client.shutdown();
    const everything = JSON.stringify(rows);
    assert.ok(everything.includes(gus.cartId));
    assert.ok(!everything.includes(gus.cartToken.slice('cart_'.length)));
  });

  it('supports every operation of a user’s cart, on any replica', async () => {
    const [lamp, chair] = [product.offer(), product.offer()];
    const elsewhere = guest(other, gus.cartToken);
    assert.deepEqual(quantitiesIn((await gus.add(lamp.id, 2).expect(201)).body), { [lamp.id]: 2 });
    assert.deepEqual(quantitiesIn((await elsewhere.add(lamp.id, 1).expect(201)).body), { [lamp.id]: 3 });
    await gus.set(chair.id, 4).expect(200);
    assert.deepEqual(quantitiesIn((await elsewhere.getCart().expect(200)).body), { [lamp.id]: 3, [chair.id]: 4 });
    assert.deepEqual(quantitiesIn((await gus.remove(lamp.id).expect(200)).body), { [chair.id]: 4 });
    assert.deepEqual((await gus.clear().expect(200)).body.items, []);
  });

  it('is out of reach of another guest, of a user, and of anyone who knows its id', async () => {
    const { id } = product.offer();
    await gus.add(id, 2).expect(201);
    for (const stranger of [await newGuest(service), ann, shopper(service, gus.cartId.replace(/-8/, '-4'))]) {
      assert.deepEqual((await stranger.getCart().expect(200)).body.items, []);
      await stranger.clear().expect(200);
    }
    assert.deepEqual(quantitiesIn((await gus.getCart()).body), { [id]: 2 });
  });

  it('is not opened by a request that also has a Bearer: Bearer wins, even an invalid one', async () => {
    await gus.add(product.offer().id, 1).expect(201);
    const { body } = await gus.getCart().set('authorization', `Bearer ${ann.token}`).expect(200);
    assert.equal(body.id, ann.userId);
    await gus.getCart().set('authorization', 'Bearer x').expect(401);
    await gus.send('post', '/api/v1/cart').set('authorization', `Basic ${userToken()}`).expect(401);
  });

  it('is the same 401 as any other without a token or with one that opens nothing, and nothing is created', async () => {
    const used = await newGuest(service);
    await ann.merge(used.cartToken).expect(200);
    const tokens = [
      undefined,
      '',
      'x',
      gus.cartId,
      ann.userId,
      used.cartToken,
      `${gus.cartToken}A`,
      gus.cartToken.slice(0, -1),
      gus.cartToken.toUpperCase(),
      `${gus.cartToken}, ${gus.cartToken}`,
      `cart_${'A'.repeat(43)}`,
      `cart_${'A'.repeat(5000)}`,
    ];
    const { id: productId } = product.offer();
    const item = `/api/v1/cart/items/${productId}`;
    const operations = [
      { method: 'get', path: '/api/v1/cart' },
      { method: 'delete', path: '/api/v1/cart' },
      { method: 'post', path: '/api/v1/cart/items', input: { productId, quantity: 1 } },
      { method: 'put', path: item, input: { quantity: 1 } },
      { method: 'delete', path: item },
    ] as const;
    const bearer = await request(service.app).get('/api/v1/cart').set('authorization', 'Bearer x').expect(401);
    for (const { method, path, ...rest } of operations) {
      for (const token of tokens) {
        const call = request(service.app)[method](path);
        if (token !== undefined) call.set('x-cart-token', token);
        const { status, headers, body } = await ('input' in rest ? call.send(rest.input) : call);
        assert.deepEqual([status, headers['www-authenticate']], [401, 'Bearer'], `${method} ${path} ${token}`);
        assert.deepEqual(withoutRequest(body), withoutRequest(bearer.body));
      }
    }
  });

  it('is answered as documented: every operation but the opening of a cart requires a token', async () => {
    const document: ApiDocument = (await request(service.app).get('/openapi.json').expect(200)).body;
    const contract = createContractCheckOf({ cart: document });
    const [{ cartToken }, { id }] = [await newGuest(service), product.offer()];
    const answers = [
      await request(service.app).post('/api/v1/cart'),
      await ann.send('post', '/api/v1/cart'),
      await gus.add(id, 2),
      await gus.set(id, 1),
      await gus.getCart(),
      await gus.clear(),
      await ann.merge(cartToken),
      await ann.merge(`cart_${'A'.repeat(43)}`),
      await guest(service, cartToken).getCart(),
    ];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [201, 200, 201, 200, 200, 200, 200, 404, 401],
    );
    for (const { request: sent, status, body, headers } of answers as (request.Response & { request: Sent })[]) {
      const { method, url } = sent;
      assert.deepEqual(
        contract.faultsOf({ method, path: new URL(url).pathname, status, headers, body, ms: 0 }),
        [],
        url,
      );
    }
    const open = contract.operations.filter(({ needsToken }) => !needsToken);
    assert.deepEqual(
      open.map(({ method, path }) => `${method} ${path}`),
      ['POST /api/v1/cart'],
    );
  });

  it('counts each of 40 concurrent additions', async () => {
    const { id } = product.offer();
    const guests = [gus, guest(other, gus.cartToken)];
    const answers = await Promise.all(Array.from({ length: 40 }, (_, index) => guests[index % 2]?.add(id, 1)));
    assert.deepEqual([...new Set(answers.map((answer) => answer?.status))], [201]);
    assert.deepEqual(quantitiesIn((await gus.getCart()).body), { [id]: 40 });
  });
});

describe('POST /api/v1/cart/merge', () => {
  it('adds the quantities up, keeps the order of the user’s items, and closes the guest’s cart', async () => {
    const [lamp, chair, vase] = [product.offer(), product.offer(), product.offer()];
    await ann.add(lamp.id, 1).expect(201);
    await ann.add(chair.id, 2).expect(201);
    await gus.add(vase.id, 3).expect(201);
    await gus.add(lamp.id, 4).expect(201);
    const { body } = await ann.merge(gus.cartToken).expect(200);
    CartBody.parse(body);
    assert.equal(body.id, ann.userId);
    assert.deepEqual(
      body.items.map(({ productId, quantity }: { productId: string; quantity: number }) => [productId, quantity]),
      [
        [lamp.id, 5],
        [chair.id, 2],
        [vase.id, 3],
      ],
    );
    await gus.getCart().expect(401);
    await gus.add(lamp.id, 1).expect(401);
  });

  it('changes nothing when repeated and is 200, whatever happened to the cart since', async () => {
    const { id } = product.offer();
    await gus.add(id, 2).expect(201);
    await ann.merge(gus.cartToken).expect(200);
    const first = await ann.merge(gus.cartToken).expect(200);
    assert.deepEqual([quantitiesIn(first.body), first.body.version], [{ [id]: 2 }, 1]);
    await ann.clear().expect(200);
    assert.deepEqual((await ann.merge(gus.cartToken).expect(200)).body.items, []);
    await ann.take(crypto.randomUUID()).expect(200);
    assert.deepEqual((await ann.merge(gus.cartToken).expect(200)).body.items, []);
  });

  it('of a cart that was merged into another user’s changes nothing and is 200', async () => {
    const { id } = product.offer();
    await gus.add(id, 2).expect(201);
    await ann.merge(gus.cartToken).expect(200);
    const { body } = await shopper(service).merge(gus.cartToken).expect(200);
    assert.deepEqual([body.items, body.version], [[], 0]);
    assert.deepEqual(quantitiesIn((await ann.getCart()).body), { [id]: 2 });
  });

  it('of a cart that has expired since it was merged changes nothing and is 200', async () => {
    const { id } = product.offer();
    await gus.add(id, 2).expect(201);
    await ann.merge(gus.cartToken).expect(200);
    await forget(gus.cartId);
    assert.deepEqual(quantitiesIn((await ann.merge(gus.cartToken).expect(200)).body), { [id]: 2 });
  });

  it('of a cart that does not exist is 404, with a malformed token 400', async () => {
    await forget(gus.cartId);
    assert.equal((await ann.merge(gus.cartToken).expect(404)).body.code, 'cart_not_found');
    const { body } = await ann.merge('x').expect(400);
    assert.deepEqual([body.code, body.errors[0].pointer], ['validation_failed', '/cartToken']);
    assert.equal((await ann.getCart()).body.version, 0);
  });

  it('needs a user: a guest gets 401', async () => {
    await gus.send('post', '/api/v1/cart/merge', { cartToken: gus.cartToken }).expect(401);
    await gus.getCart().expect(200);
  });

  it('stops at 999 of a product', async () => {
    const { id } = product.offer({ available: 5000 });
    await ann.add(id, 600).expect(201);
    await gus.add(id, 600).expect(201);
    assert.deepEqual(quantitiesIn((await ann.merge(gus.cartToken).expect(200)).body), { [id]: 999 });
  });

  it('stops at 100 products: the user’s items stay, and grow', async () => {
    const products = Array.from({ length: 100 }, () => product.offer());
    for (const { id } of products.slice(0, 99)) await ann.add(id, 1).expect(201);
    for (const { id } of [products[0], products[99], product.offer()].flatMap((offer) => offer ?? [])) {
      await gus.add(id, 1).expect(201);
    }
    const { body } = await ann.merge(gus.cartToken).expect(200);
    const expected = products.map(({ id }, index) => [id, index === 0 ? 2 : 1]);
    assert.deepEqual(quantitiesIn(body), Object.fromEntries(expected));
  });

  it('made 20 times at once, on two replicas, counts once', async () => {
    const { id } = product.offer();
    await ann.add(id, 1).expect(201);
    await gus.add(id, 3).expect(201);
    const anns = [ann, shopper(other, ann.userId)];
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => anns[index % 2]?.merge(gus.cartToken)));
    for (const answer of answers) {
      assert.equal(answer?.status, 200);
      assert.deepEqual(quantitiesIn(answer?.body), { [id]: 4 });
    }
    assert.deepEqual(quantitiesIn((await ann.getCart()).body), { [id]: 4 });
  });

  it('by 10 users at once gives the items to one of them', async () => {
    const { id } = product.offer();
    await gus.add(id, 3).expect(201);
    const users = Array.from({ length: 10 }, (_, index) => shopper(index % 2 ? other : service));
    await Promise.all(users.map((user) => user.merge(gus.cartToken).expect(200)));
    const carts = await Promise.all(users.map(async (user) => (await user.getCart()).body.itemCount));
    assert.deepEqual(carts.sort(), [0, 0, 0, 0, 0, 0, 0, 0, 0, 3]);
  });

  it('while the guest keeps adding loses nothing that was acknowledged', async () => {
    for (let round = 0; round < 5; round += 1) {
      const [late, user] = [await newGuest(service), shopper(other)];
      const { id } = product.offer();
      const additions = Array.from({ length: 10 }, () => late.add(id, 1));
      const [, ...answers] = await Promise.all([user.merge(late.cartToken).expect(200), ...additions]);
      const acknowledged = answers.filter(({ status }) => status === 201).length;
      for (const { status } of answers) assert.ok(status === 201 || status === 401, `${status}`);
      assert.equal((await user.getCart()).body.itemCount, acknowledged);
    }
  });

  it('cut off anywhere is complete when it is repeated, and counts once', async () => {
    const counting = await store.openDying();
    await merging(counting.service);
    const effects = counting.platform.effects.length;
    assert.ok(effects >= 5, counting.platform.effects.join(', '));
    for (let effect = 1; effect <= effects; effect += 1) {
      for (const when of ['before', 'after'] as const) await mergeCutOff({ effect, when });
    }
  });

  /** A guest with 3 of a product signs in as a user with 1 of it, and merges on `through`. */
  async function merging(through: typeof service) {
    const { id } = product.offer();
    const [bob, visitor] = [shopper(service), await newGuest(service)];
    await bob.add(id, 1).expect(201);
    await visitor.add(id, 3).expect(201);
    const { status } = await shopper(through, bob.userId).merge(visitor.cartToken);
    return { id, bob, visitor, status };
  }

  async function mergeCutOff(death: Death): Promise<void> {
    const { service: dying, platform } = await store.openDying(death);
    const { id, bob, visitor, status } = await merging(dying);
    const point = `${death.when} effect ${death.effect}, ${platform.effects.at(-1)}`;
    assert.ok(platform.isDead(), point);
    assert.equal(status, 500, point);
    const between = quantitiesIn((await bob.getCart()).body)[id];
    assert.ok(between === 1 || between === 4, `${point}: ${between}`);
    for (let times = 0; times < 2; times += 1) {
      assert.deepEqual(quantitiesIn((await bob.merge(visitor.cartToken).expect(200)).body), { [id]: 4 }, point);
    }
    assert.deepEqual(quantitiesIn((await bob.getCart()).body), { [id]: 4 }, point);
    await visitor.getCart().expect(401);
  }
});

// Last, since it leaves the circuit to the product service open.
describe("a guest's token", () => {
  it('is in no log, whether it is refused, cut off or the product service is down', async () => {
    const { service: dying } = await store.openDying({ effect: 1, when: 'after' });
    await guest(dying, gus.cartToken).getCart().expect(500);
    await gus.add(product.offer().id, 1).expect(201);
    product.down = true;
    await nextSecond();
    await gus.getCart().expect(503);
    await ann.merge(gus.cartToken).expect(503);
    product.down = false;
    await gus.getCart().expect(401);
    assert.ok(store.logged.length > 0);
    assert.ok(!store.logged.join('\n').includes(gus.cartToken.slice('cart_'.length)));
  });
});

/** As if the cart had expired. */
async function forget(cartId: string): Promise<void> {
  const { contactPoints, admin, keyspacePrefix } = store.keyspaces;
  const client = await connectAs(contactPoints, admin, `${keyspacePrefix}cart`);
  await client.execute('DELETE FROM carts WHERE cart_id = ? IF EXISTS', [cartId]);
  await client.shutdown();
}

function withoutRequest({ instance, requestId, ...rest }: Record<string, unknown>): object {
  return rest;
}

function quantitiesIn(body: { items: { productId: string; quantity: number }[] }): Record<string, number> {
  return Object.fromEntries(body.items.map(({ productId, quantity }) => [productId, quantity]));
}
