import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { Problem, Sent } from '../../src/shop-client.ts';
import { bodyOf } from '../../src/shop-client.ts';
import type { RunningStore } from '../running-store.ts';
import type { Operation, Schema } from './operations.ts';
import { allowedRequest } from './right-requests.ts';
import type { Scene } from './scene.ts';

/** What a client must not set, and some client will try to. */
const HIDDEN: Readonly<Record<string, unknown>> = {
  id: randomUUID(),
  userId: randomUUID(),
  ownerId: randomUUID(),
  orderId: randomUUID(),
  role: 'admin',
  isAdmin: true,
  status: 'delivered',
  version: 1000,
  price: { amount: 1, currency: 'USD' },
  priceMinor: 1,
  unitPrice: { amount: 1, currency: 'USD' },
  total: { amount: 1, currency: 'USD' },
  discount: 100,
  stock: 1_000_000,
  available: 1_000_000,
  sold: 0,
  reserved: 0,
  createdAt: '2001-01-01T00:00:00.000Z',
  updatedAt: '2001-01-01T00:00:00.000Z',
  emailVerified: true,
  passwordHash: '$2b$10$abcdefghijklmnopqrstuv',
  history: [],
};

/** Undocumented fields in the body of every write. */
export function massAssignment(running: () => RunningStore, scene: () => Scene): void {
  test('a field that an operation doesn’t document is refused by name in every object of every body, and nothing changes', async (context) => {
    const { people, operations } = scene();
    const { shop } = running();
    const writes = operations.filter(({ isInternal, body }) => !isInternal && body);
    assert.ok(writes.length >= 12);
    const wrong: string[] = [];
    let asked = 0;

    const before = await lookAround();
    for (const operation of writes) {
      const { sent, expected } = await allowedRequest(people, operation);
      for (const [pointer, body] of withHiddenFields(operation, sent.body)) {
        asked += 1;
        const answer = await shop.send<Problem & { errors?: { pointer: string }[] }>({ ...sent, body });
        const named = answer.body?.errors?.map((fault) => fault.pointer).join();
        if (answer.status !== 400 || answer.body.code !== 'validation_failed' || named !== pointer)
          wrong.push(`${operation.name} ${pointer}: ${answer.status}, ${named}`);
      }
      const without = await shop.send(sent);
      if (!expected.includes(without.status)) wrong.push(`${operation.name} without them: ${without.status}`);
    }
    assert.deepEqual(wrong, []);
    assert.deepEqual(await lookAround(), before);
    context.diagnostic(`${asked} fields in ${writes.length} bodies`);
  });

  let whatThereIs: Promise<readonly Sent[]> | undefined;

  /** What a user and the shop own, as the API shows it; a valid request here changes none of it. */
  async function lookAround(): Promise<unknown[]> {
    whatThereIs ??= findThings();
    const seen: unknown[] = [];
    for (const sent of await whatThereIs) seen.push(bodyOf(await running().shop.send(sent), 200));
    return seen;
  }

  async function findThings(): Promise<Sent[]> {
    const { people } = scene();
    const member = await people.newMember();
    const { token } = member;
    const order = await people.newOrder(member);
    bodyOf(await running().shop.as(token).cancel(order.id), 200);
    const productId = await people.fillCart({ token });
    const guest = { 'x-cart-token': await people.newGuestCart() };
    await people.fillCart({ headers: guest });
    return [
      { method: 'GET', path: '/api/v1/auth/profile', token },
      { method: 'GET', path: `/api/v1/users/${member.userId}`, token: people.admin.token },
      { method: 'GET', path: '/api/v1/cart', token },
      { method: 'GET', path: '/api/v1/cart', headers: guest },
      { method: 'GET', path: `/api/v1/orders/${order.id}`, token },
      { method: 'GET', path: '/api/v1/orders', token },
      { method: 'GET', path: `/api/v1/products/${productId}` },
    ];
  }
}

/** Bodies with one hidden field each, by its pointer: at the top level, and in each nested object. */
function withHiddenFields(operation: Operation, body: unknown): [string, unknown][] {
  if (!operation.body) return [];
  return closedObjects(operation, operation.body, []).flatMap(({ path, schema }) =>
    Object.entries(HIDDEN)
      .filter(([name]) => !schema.properties?.[name] && lookUp(body, path))
      .map(([name, value]): [string, unknown] => [`/${[...path, name].join('/')}`, withField(body, path, name, value)]),
  );
}

function closedObjects(
  operation: Operation,
  given: Schema,
  path: readonly string[],
): { path: readonly string[]; schema: Schema }[] {
  const schema = operation.resolve(given);
  if (!schema.properties) return [];
  const below = Object.entries(schema.properties).flatMap(([name, member]) =>
    closedObjects(operation, member, [...path, name]),
  );
  return [{ path, schema }, ...below];
}

function lookUp(body: unknown, path: readonly string[]): unknown {
  return path.reduce((value, name) => (value as Record<string, unknown> | undefined)?.[name], body);
}

function withField(body: unknown, path: readonly string[], name: string, value: unknown): unknown {
  const copy = structuredClone(body);
  (lookUp(copy, path) as Record<string, unknown>)[name] = value;
  return copy;
}
