import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import pLimit from 'p-limit';
import request from 'supertest';
import type { Database, Statement } from '#platform/cassandra/database.ts';
import { databaseUnavailable } from '#platform/errors.ts';
import type { Platform, Service } from '#platform/service.ts';
import { type Death, type DyingPlatform, dyingPlatform } from '../../local/test-support/dying-platform.ts';
import { eventually } from '../../local/test-support/eventually.ts';
import { type Admin, createAdmin, newProduct } from './support/admin.ts';
import { openShop, queriesOf, type Shop } from './support/shop.ts';

const PAGE = '/api/v1/products';
/** ms in which the lists have to be right after a crash. */
const SETTLED_WITHIN = 20_000;
/** ms in which the lists follow a known change; less than the delay of a write's note. */
const SHOWN_WITHIN = 2000;
/** Crashes at a time. */
const AT_ONCE = 12;

let shop: Shop;
let worker: Service;
let admin: Admin;

before(async () => {
  shop = await openShop({ categories: ['things', 'others'] });
  admin = createAdmin(shop.service);
  worker = await shop.openReplica();
  worker.start();
});

after(() => shop.close());

/** A separate process that dies at `death`. */
async function openDying(death?: Death): Promise<{ service: Service; platform: DyingPlatform }> {
  let platform: DyingPlatform | undefined;
  const service = await shop.openReplica((real) => {
    platform = dyingPlatform(real, death);
    return platform;
  });
  assert.ok(platform);
  platform.arm();
  return { service, platform };
}

/** Does it once to count its effects, then dies before and after each of them. */
async function dieEverywhere(
  act: (admin: Admin) => PromiseLike<{ status: number }>,
  run: (death: Death) => Promise<void>,
): Promise<void> {
  const { service, platform } = await openDying();
  const { status } = await act(createAdmin(service));
  assert.ok(status < 300, String(status));
  const points = platform.effects.length;
  assert.ok(points >= 8, platform.effects.join());
  await service.stop();
  const deaths = Array.from({ length: points }, (_, index) => index + 1).flatMap((effect) =>
    (['before', 'after'] as const).map((when) => ({ effect, when })),
  );
  await pLimit(AT_ONCE).map(deaths, run);
}

async function listedAs(brand: string): Promise<Record<string, unknown>[][]> {
  const lists = [{}, { category: 'things' }, { category: 'others' }, { sort: 'price' }, { sort: 'name' }];
  const pages = lists.map((list) =>
    request(worker.app)
      .get(PAGE)
      .query({ ...list, brand }),
  );
  return (await Promise.all(pages)).map(({ body }) => body.data);
}

test('wherever a process stops while it creates a product, the SKU ends up with one product, which is in every list', {
  timeout: 240_000,
}, async () => {
  await dieEverywhere(
    (someone) => someone.createProduct(newProduct()),
    async (death) => {
      const mine = newProduct({ brand: randomUUID() });
      const { service } = await openDying(death);
      await createAdmin(service).createProduct(mine);
      const again = await admin.createProduct(mine);
      const point = `${death.when} ${death.effect}: ${again.status} ${again.body.code ?? ''}`;
      assert.ok([201, 409].includes(again.status), point);
      await eventually(
        async () => {
          const [all = [], things = [], others, byPrice, byName] = await listedAs(mine.brand);
          return [all, things, byPrice, byName].every((list) => list?.length === 1) && others?.length === 0;
        },
        Boolean,
        SETTLED_WITHIN,
      );
      const { rows } = await shop.client.execute('SELECT status FROM products WHERE sku = ? ALLOW FILTERING', [
        mine.sku,
      ]);
      assert.equal(rows.filter(({ status }) => status === 'active').length, 1, point);
      await service.stop();
    },
  );
});

test('wherever a process stops while it moves a product, the product is moved or not, and every list agrees', {
  timeout: 240_000,
}, async () => {
  const patch = { category: 'others', name: 'Moved', price: { amount: 1 } };
  const { body: first } = await admin.createProduct(newProduct()).expect(201);
  await dieEverywhere(
    (someone) => someone.patchProduct(first.id, '"1"', patch),
    async (death) => {
      const brand = randomUUID();
      const { body: product } = await admin.createProduct(newProduct({ brand })).expect(201);
      const { service } = await openDying(death);
      await createAdmin(service).patchProduct(product.id, '"1"', patch);
      const { body } = await request(worker.app).get(`${PAGE}/${product.id}`).expect(200);
      assert.equal(body.name, body.version === 2 ? 'Moved' : product.name);
      const [there, gone] = body.version === 2 ? ['others', 'things'] : ['things', 'others'];
      assert.equal(body.category.slug, there);
      await eventually(
        async () => {
          const [all = [], things = [], others = [], byPrice = [], byName = []] = await listedAs(brand);
          const [full, empty] = gone === 'things' ? [others, things] : [things, others];
          const rows = [all, full, byPrice, byName];
          return empty.length === 0 && rows.every((list) => list.length === 1 && list[0]?.name === body.name);
        },
        Boolean,
        SETTLED_WITHIN,
      );
      await service.stop();
    },
  );
});

const MOVED = { category: 'others', name: 'Moved', price: { amount: 1 } };
const MOVED_ON = { category: 'things', name: 'Moved on', price: { amount: 2 } };
/** Rows are written at the old and the new place: two categories and the list of all, each in three orders. */
const WRITES_OF_A_MOVE = 9;

/** A platform that writes listings as `write` says. */
function withListings(write: (send: () => Promise<void>) => Promise<void>) {
  return (platform: Platform): Platform => {
    const { database } = platform;
    const writeTogether: Database['writeTogether'] = (name, statements) => {
      const send = () => database.writeTogether(name, statements);
      return name === 'listing.project' ? write(send) : send();
    };
    return { ...platform, database: { ...database, writeTogether } };
  };
}

async function assertListedOnce(brand: string, { name }: { name: string }): Promise<void> {
  const [all, things, others, byPrice, byName] = await listedAs(brand);
  for (const list of [all, things, byPrice, byName])
    assert.deepEqual(
      list?.map((row) => row.name),
      [name],
    );
  assert.deepEqual(others, []);
}

test('however far the lists have followed a change, the next change leaves nothing of it in them', {
  timeout: 120_000,
}, async () => {
  for (let written = 0; written < WRITES_OF_A_MOVE; written += 1) {
    let writes = 0;
    const cut = withListings((send) => {
      writes += 1;
      return writes > written ? Promise.reject(databaseUnavailable()) : send();
    });
    const cutOff = createAdmin(await shop.openReplica(cut));
    const [brand, goneBrand] = [randomUUID(), randomUUID()];
    const { body: product } = await admin.createProduct(newProduct({ brand })).expect(201);
    await cutOff.patchProduct(product.id, '"1"', MOVED).expect(200);
    await admin.patchProduct(product.id, '"2"', MOVED_ON).expect(200);
    await assertListedOnce(brand, MOVED_ON);

    writes = 0;
    const { body: gone } = await admin.createProduct(newProduct({ brand: goneBrand })).expect(201);
    await cutOff.patchProduct(gone.id, '"1"', MOVED).expect(200);
    await admin.deleteProduct(gone.id, '"2"').expect(204);
    assert.deepEqual(await listedAs(goneBrand), [[], [], [], [], []]);
  }
});

test('rows written late, after another replica made the next change, have no effect', {
  timeout: 30_000,
}, async () => {
  let goOn: () => void = () => undefined;
  const late = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const slow = createAdmin(await shop.openReplica(withListings((send) => late.then(send))));
  const brand = randomUUID();
  const { body: product } = await admin.createProduct(newProduct({ brand })).expect(201);
  const moving = slow.patchProduct(product.id, '"1"', MOVED).then(({ status }) => status);
  await eventually(
    () => request(worker.app).get(`${PAGE}/${product.id}`),
    ({ body }) => body.version === 2,
    5000,
  );
  await admin.patchProduct(product.id, '"2"', MOVED_ON).expect(200);
  goOn();
  assert.equal(await moving, 200);
  await assertListedOnce(brand, MOVED_ON);
});

test('lists that couldn’t follow a change are brought up to date by a new note, as the first may have been read too early', {
  timeout: 60_000,
}, async () => {
  const brand = randomUUID();
  const { body: product } = await admin.createProduct(newProduct({ brand })).expect(201);
  const failing = await shop.openReplica(withListings(() => Promise.reject(databaseUnavailable())));
  const { 'due.put': notes } = await queriesOf(failing, () =>
    createAdmin(failing).patchProduct(product.id, '"1"', { name: 'Renamed' }).expect(200),
  );
  assert.equal(notes, 2);
  await eventually(
    async () => (await listedAs(brand)).flat().every(({ name }) => name === 'Renamed'),
    Boolean,
    SETTLED_WITHIN,
  );
});

/**
 * A replica whose first conditional write of this name gets no answer, and is applied when `arrive` is called. Notes that `isRead` picks by
 * their number are missing, as if they had been read by then.
 */
async function openLossy(statement: string, isRead: (note: number) => boolean) {
  let late: readonly Statement[] | undefined;
  let notes = 0;
  const service = await shop.openReplica((platform) => {
    const { database } = platform;
    const conditional: Database['conditional'] = (name, statements) => {
      if (name !== statement || late) return database.conditional(name, statements);
      late = statements;
      return Promise.reject(databaseUnavailable());
    };
    const write: Database['write'] = async (name, ...rest) => {
      if (name === 'due.put' && isRead(++notes)) return;
      await database.write(name, ...rest);
    };
    return { ...platform, database: { ...database, conditional, write } };
  });
  const arrive = async () => {
    assert.ok(late);
    assert.ok((await shop.database.conditional(statement, late)).applied);
  };
  return { lossy: createAdmin(service, admin.userId), arrive };
}

interface Shown {
  readonly name: string;
  readonly stock: { readonly inStock: boolean };
}

/** What an admin does to a product, the statement that does it, the status when it is requested again, and whether a list shows it. */
const LATE_WRITES = {
  change: {
    statement: 'product.change',
    act: (someone: Admin, id: string) => someone.patchProduct(id, '*', { name: 'Renamed' }),
    again: 200,
    isShown: ([product]: Shown[]) => product?.name === 'Renamed',
  },
  deletion: {
    statement: 'product.change',
    act: (someone: Admin, id: string) => someone.deleteProduct(id, '*'),
    again: 404,
    isShown: (list: Shown[]) => list.length === 0,
  },
  'stock adjustment': {
    statement: 'stock.adjust',
    act: (someone: Admin, id: string) => someone.adjust(id, id, { quantity: -5, reason: 'Broken' }),
    again: 200,
    isShown: ([product]: Shown[]) => product?.stock.inStock === false,
  },
} as const;

for (const [name, { statement, act, again, isShown }] of Object.entries(LATE_WRITES)) {
  async function actWithoutAnswer(isRead: (note: number) => boolean) {
    const category = `c-${randomUUID()}`;
    await admin.createCategory({ slug: category, name: 'Late' }).expect(201);
    const { body: product } = await admin.createProduct(newProduct({ category })).expect(201);
    const { lossy, arrive } = await openLossy(statement, isRead);
    await act(lossy, product.id).expect(503);
    await arrive();
    const list = async () =>
      isShown((await request(worker.app).get(PAGE).query({ category }).expect(200)).body.data ?? []);
    assert.equal(await list(), false);
    return { category, product, list };
  }

  test(`a ${name} that is applied after its note was read is in the lists once it is requested again`, async () => {
    const { category, product, list } = await actWithoutAnswer(() => true);
    await act(admin, product.id).expect(again);
    await eventually(list, Boolean, SHOWN_WITHIN);
    if (again === 404) await admin.deleteCategory(category, '"1"').expect(204);
  });

  test(`a ${name} that is applied after its note was read is in the lists thanks to a second note, and there is a third`, {
    timeout: 30_000,
  }, async () => {
    const { product, list } = await actWithoutAnswer((note) => note === 1);
    await assertNotedForLater(product.id);
    await eventually(list, Boolean, SETTLED_WITHIN);
  });
}

test('a creation that is applied after its note was read is in the lists thanks to a second note, and there is a third', {
  timeout: 30_000,
}, async () => {
  const { lossy, arrive } = await openLossy('product.insert', (note) => note === 1);
  const mine = newProduct({ brand: randomUUID() });
  await lossy.createProduct(mine).expect(503);
  await arrive();
  const { body } = await admin.createProduct(mine).expect(409);
  assert.equal(body.code, 'sku_taken');
  const [[product] = []] = await eventually(
    () => listedAs(mine.brand),
    ([all]) => all?.length === 1,
    SETTLED_WITHIN,
  );
  await assertNotedForLater(String(product?.id));
});

/** A node may hang for longer than the second note takes: another is due in about ten minutes. */
async function assertNotedForLater(id: string): Promise<void> {
  const { rows } = await shop.client.execute('SELECT due_at FROM due WHERE id = ? ALLOW FILTERING', [id]);
  const minutes = rows.map(({ due_at }) => Math.round((due_at.getTime() - Date.now()) / 60_000));
  assert.ok(minutes.includes(10), minutes.join());
}

test('wherever a process stops while it deletes a product, it is gone everywhere or nowhere', {
  timeout: 240_000,
}, async () => {
  const { body: first } = await admin.createProduct(newProduct()).expect(201);
  await dieEverywhere(
    (someone) => someone.deleteProduct(first.id, '"1"'),
    async (death) => {
      const brand = randomUUID();
      const { body: product } = await admin.createProduct(newProduct({ brand })).expect(201);
      const { service } = await openDying(death);
      await createAdmin(service).deleteProduct(product.id, '"1"');
      const { status } = await request(worker.app).get(`${PAGE}/${product.id}`);
      await eventually(
        async () => {
          const [all = [], things = []] = await listedAs(brand);
          return [all, things].every((list) => list.length === (status === 200 ? 1 : 0));
        },
        Boolean,
        SETTLED_WITHIN,
      );
      await service.stop();
    },
  );
});

test('wherever a process stops while it adjusts a stock, the same key has one effect, and the lists follow', {
  timeout: 240_000,
}, async () => {
  const { body: first } = await admin.createProduct(newProduct()).expect(201);
  await dieEverywhere(
    (someone) => someone.adjust(first.id, randomUUID(), { quantity: -5, reason: 'Broken' }),
    async (death) => {
      const brand = randomUUID();
      const { body: product } = await admin.createProduct(newProduct({ brand, stock: 5 })).expect(201);
      const { service } = await openDying(death);
      const key = randomUUID();
      const adjustment = { quantity: -5, reason: 'Broken' };
      await createAdmin(service, admin.userId).adjust(product.id, key, adjustment);
      const applied = (await shop.readHead(product.id)).available === 0;
      await eventually(
        async () => {
          const [[shown] = []] = await listedAs(brand);
          return (shown?.stock as { inStock: boolean } | undefined)?.inStock === !applied;
        },
        Boolean,
        SETTLED_WITHIN,
      );
      const { body, headers } = await admin.adjust(product.id, key, adjustment).expect(200);
      assert.equal(body.available, 0);
      assert.equal(headers['idempotent-replayed'], applied ? 'true' : undefined);
      assert.equal((await shop.readOperations(product.id)).length, 2);
      await service.stop();
    },
  );
});

test('wherever a process stops while it deletes a category, the category is gone or can be used again', {
  timeout: 240_000,
}, async () => {
  const create = async () => {
    const slug = `c-${randomUUID()}`;
    await admin.createCategory({ slug, name: 'Crash' }).expect(201);
    return slug;
  };
  const first = await create();
  await dieEverywhere(
    (someone) => someone.deleteCategory(first, '"1"'),
    async (death) => {
      const slug = await create();
      const { service } = await openDying(death);
      await createAdmin(service).deleteCategory(slug, '"1"');
      let status = 503;
      await eventually(
        async () => {
          ({ status } = await admin.createProduct(newProduct({ category: slug })));
          return status !== 503;
        },
        Boolean,
        SETTLED_WITHIN,
      );
      assert.ok([201, 400].includes(status), `${death.when} ${death.effect}: ${status}`);
      await admin.deleteCategory(slug, '*').expect(status === 201 ? 409 : 404);
      await service.stop();
    },
  );
});
