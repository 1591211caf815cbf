import { randomUUID } from 'node:crypto';
import request from 'supertest';
import type { Database } from '#platform/cassandra/database.ts';
import type { Platform, Service } from '#platform/service.ts';
import { userToken } from '../../../local/test-support/service-config.ts';

const PRODUCTS = '/api/v1/products';
const CATEGORIES = '/api/v1/categories';

export type Admin = ReturnType<typeof createAdmin>;

/** An admin's calls to one service. */
export function createAdmin({ app }: Service, userId: string = randomUUID()) {
  const token = `Bearer ${userToken({ userId, role: 'admin' })}`;
  const ask = (method: 'get' | 'post' | 'patch' | 'delete', path: string, headers: Record<string, string> = {}) =>
    request(app)[method](path).set('authorization', token).set(headers);
  const match = (tag: string | undefined) => (tag === undefined ? {} : { 'if-match': tag });
  return {
    userId,
    createProduct: (body: object) => ask('post', PRODUCTS).send(body),
    patchProduct: (id: string, tag: string | undefined, body: object) =>
      ask('patch', `${PRODUCTS}/${id}`, match(tag)).send(body),
    deleteProduct: (id: string, tag: string | undefined) => ask('delete', `${PRODUCTS}/${id}`, match(tag)),
    adjust: (id: string, key: string, body: object) =>
      ask('post', `${PRODUCTS}/${id}/stock-adjustments`, { 'idempotency-key': key }).send(body),
    createCategory: (body: object) => ask('post', CATEGORIES).send(body),
    renameCategory: (slug: string, tag: string | undefined, name: string) =>
      ask('patch', `${CATEGORIES}/${slug}`, match(tag)).send({ name }),
    deleteCategory: (slug: string, tag: string | undefined) => ask('delete', `${CATEGORIES}/${slug}`, match(tag)),
    /** The audit log's lines about one thing, newest first. */
    async listLines(entity: string, entityId: string) {
      const { body } = await ask('get', '/api/v1/admin/audit').query({ entity, limit: 100 }).expect(200);
      return body.data.filter((line: { entityId: string }) => line.entityId === entityId);
    },
  };
}

/** A product to create; omitted facts are made up. */
export function newProduct<Facts extends object = object>(facts: Facts = {} as Facts) {
  return {
    sku: `NEW-${randomUUID()}`,
    name: 'A new thing',
    category: 'things',
    price: { amount: 1999, currency: 'USD' },
    stock: 5,
    ...facts,
  };
}

/** A process that hangs before its first statement of this name until it is resumed. */
export function createPause(statement: string) {
  let reach: () => void;
  let resume: () => void = () => undefined;
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const resumed = new Promise<void>((resolve) => {
    resume = resolve;
  });
  const pause = async (name: string) => {
    if (name !== statement) return;
    reach();
    await resumed;
  };
  const change = (platform: Platform): Platform => {
    const { database } = platform;
    const conditional: Database['conditional'] = async (name, ...rest) => {
      await pause(name);
      return database.conditional(name, ...rest);
    };
    const read: Database['read'] = async (name, ...rest) => {
      await pause(name);
      return database.read(name, ...rest);
    };
    return { ...platform, database: { ...database, conditional, read } };
  };
  return { change, reached, resume };
}
