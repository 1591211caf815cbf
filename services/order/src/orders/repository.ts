import type { Database, Row, Statement } from '#platform/cassandra/database.ts';
import { toLong, toNumber } from '#platform/cassandra/values.ts';
import type { TimePosition } from '#platform/page.ts';
import type { Address, Order, OrderLine, OrderRecord, PricedLines, Rejection, Status } from './order.ts';

/** An order as it starts: pending, without lines. */
export type NewOrder = Pick<
  OrderRecord,
  'id' | 'userId' | 'requestHash' | 'address' | 'currency' | 'expectedTotalMinor' | 'createdAt'
>;

export interface Change {
  readonly to: Status;
  readonly actor: string;
  readonly reason?: string | undefined;
  readonly rejection?: Rejection;
  readonly at: Date;
}

export interface OrderRepository {
  /** Inserts the order once, pending and without lines. Undefined when it already exists. */
  insertOrder(order: NewOrder): Promise<OrderRecord | undefined>;
  /** The order with its history, in one read; with `latest`, after every change made so far. */
  findOrder(id: string, options?: { latest?: boolean }): Promise<OrderRecord | undefined>;
  /** Fixes lines and total. Undefined when somebody else changed the order meanwhile. */
  setLines(order: OrderRecord, priced: PricedLines, at: Date): Promise<OrderRecord | undefined>;
  /**
   * Changes the status together with its history entry. Undefined when somebody else changed the order meanwhile. If the answer was lost,
   * the order may have moved on since.
   */
  changeStatus(order: OrderRecord, change: Change): Promise<OrderRecord | undefined>;
  /** Writes the order into the lists as it is at its version; a late write of an older version changes nothing. */
  project(order: Order): Promise<void>;
  /** The user's listed orders, newest first, in one read. */
  listByUser(
    userId: string,
    status: Status | undefined,
    limit: number,
    after: TimePosition | undefined,
  ): Promise<Order[]>;
  /** All listed orders placed on `day` (UTC, `YYYY-MM-DD`), newest first, in one read. */
  listByDay(day: string, status: Status | undefined, limit: number, after: TimePosition | undefined): Promise<Order[]>;
}

export function createOrderRepository(database: Database): OrderRepository {
  async function findOrder(id: string, { latest = false } = {}): Promise<OrderRecord | undefined> {
    const rows = await database.read('order.find', 'SELECT * FROM orders WHERE order_id = ?', [id], { serial: latest });
    return toOrderRecord(rows);
  }

  return {
    findOrder,

    async insertOrder(order) {
      const { id, userId, requestHash, currency, address, expectedTotalMinor, createdAt } = order;
      const outcome = await database.conditional('order.insert', [
        {
          query: `INSERT INTO orders (order_id, seq, user_id, request_hash, status, version, total_minor, currency, address, expected_total_minor,
                    created_at, updated_at, event, actor, at)
                  VALUES (?, 1, ?, ?, 'pending', 1, ?, ?, ?, ?, ?, ?, 'pending', ?, ?) IF NOT EXISTS`,
          params: [
            id,
            userId,
            requestHash,
            toLong(0),
            currency,
            toAddressValue(address),
            expectedTotalMinor === undefined ? undefined : toLong(expectedTotalMinor),
            createdAt,
            createdAt,
            userId,
            createdAt,
          ],
        },
      ]);
      if (outcome.applied) return toPending(order);
      if (!outcome.uncertain) return undefined;
      // Ours by its time and body. If another request with the same key has both in common, both continue: every step may be repeated.
      const found = await findOrder(id, { latest: true });
      const isOurs = found?.createdAt.getTime() === createdAt.getTime() && found.requestHash === requestHash;
      return isOurs ? found : undefined;
    },

    async setLines(order, { lines, totalMinor }, at) {
      const version = order.version + 1;
      const outcome = await database.conditional('order.set_lines', [
        {
          query:
            'UPDATE orders SET lines = ?, total_minor = ?, version = ?, updated_at = ? WHERE order_id = ? IF version = ?',
          params: [lines.map(toLineValue), toLong(totalMinor), version, at, order.id, order.version],
        },
      ]);
      if (outcome.applied) return { ...order, lines, totalMinor, version, updatedAt: at };
      const found = await findOrder(order.id, { latest: true });
      return outcome.uncertain && found?.version === version && found.status === 'pending' ? found : undefined;
    },

    async changeStatus(order, { to, actor, reason, rejection, at }) {
      const version = order.version + 1;
      const outcome = await database.conditional('order.change_status', [
        {
          query:
            'UPDATE orders SET status = ?, version = ?, updated_at = ?, rejection = ? WHERE order_id = ? IF version = ?',
          params: [to, version, at, rejection && JSON.stringify(rejection), order.id, order.version],
        },
        {
          query: 'INSERT INTO orders (order_id, seq, event, actor, reason, at) VALUES (?, ?, ?, ?, ?, ?)',
          params: [order.id, version, to, actor, reason, at],
        },
      ]);
      if (outcome.applied) {
        const history = [...order.history, { status: to, at, actor, reason }];
        return { ...order, status: to, version, updatedAt: at, rejection, history };
      }
      if (!outcome.uncertain) return undefined;
      // No status comes twice, so its entry tells who wrote it, even if the order has moved on since.
      const found = await findOrder(order.id, { latest: true });
      const entry = found?.history.find(({ status }) => status === to);
      return entry?.actor === actor && entry.at.getTime() === at.getTime() ? found : undefined;
    },

    async project(order) {
      const stamp = toLong(order.createdAt.getTime() * 1000 + order.version);
      const day = order.createdAt.toISOString().slice(0, 10);
      const values = [
        order.userId,
        order.createdAt,
        order.id,
        order.status,
        order.version,
        (order.lines ?? []).map(toLineValue),
        toLong(order.totalMinor),
        order.currency,
        toAddressValue(order.address),
        order.updatedAt,
        stamp,
      ];
      const columns =
        'user_id, created_at, order_id, status, version, lines, total_minor, currency, address, updated_at';
      await database.writeTogether('order.project', [
        {
          query: `INSERT INTO orders_by_user (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?`,
          params: values,
        },
        {
          query: `INSERT INTO orders_by_day (day, ${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?`,
          params: [day, ...values],
        },
      ]);
    },

    async listByUser(userId, status, limit, after) {
      const { query, params } = selectPage('orders_by_user WHERE user_id = ?', userId, status, limit, after);
      const rows = await database.read('order.list_by_user', query, params);
      return rows.map(toOrder);
    },

    async listByDay(day, status, limit, after) {
      const { query, params } = selectPage('orders_by_day WHERE day = ?', day, status, limit, after);
      const rows = await database.read('order.list_by_day', query, params);
      return rows.map(toOrder);
    },
  };
}

function toPending(order: NewOrder): OrderRecord {
  const { userId, createdAt } = order;
  return {
    ...order,
    status: 'pending',
    version: 1,
    lines: undefined,
    totalMinor: 0,
    updatedAt: createdAt,
    rejection: undefined,
    history: [{ status: 'pending', at: createdAt, actor: userId, reason: undefined }],
  };
}

function selectPage(
  partition: string,
  key: string,
  status: Status | undefined,
  limit: number,
  after: TimePosition | undefined,
): Statement {
  const clauses = [partition];
  const params: unknown[] = [key];
  if (after) {
    clauses.push('(created_at, order_id) < (?, ?)');
    params.push(after.at, after.id);
  }
  if (status) {
    clauses.push('status = ?');
    params.push(status);
  }
  return { query: `SELECT * FROM ${clauses.join(' AND ')} LIMIT ?`, params: [...params, limit] };
}

function toAddressValue({ name, line1, line2, city, postalCode, country }: Address): Record<string, unknown> {
  return { name, line1, line2: line2 ?? null, city, postal_code: postalCode, country };
}

function toLineValue({ productId, sku, name, quantity, unitPriceMinor }: OrderLine): Record<string, unknown> {
  return { product_id: productId, sku, name, quantity, unit_price_minor: toLong(unitPriceMinor) };
}

/** Rows come in the order of `seq`; the static columns are the same in each. */
function toOrderRecord(rows: readonly Row[]): OrderRecord | undefined {
  const [row] = rows;
  if (!row) return undefined;
  return {
    ...toOrder(row),
    requestHash: row.request_hash,
    expectedTotalMinor: row.expected_total_minor === null ? undefined : toNumber(row.expected_total_minor),
    rejection: row.rejection ? JSON.parse(row.rejection) : undefined,
    history: rows.map(({ event, at, actor, reason }) => ({ status: event, at, actor, reason: reason ?? undefined })),
  };
}

function toOrder(row: Row): Order {
  return {
    id: row.order_id.toString(),
    userId: row.user_id.toString(),
    status: row.status,
    version: row.version,
    lines: row.lines?.map(toLine),
    totalMinor: toNumber(row.total_minor),
    currency: row.currency,
    address: toAddress(row.address),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function toLine(value: Row): OrderLine {
  return {
    productId: value.product_id.toString(),
    sku: value.sku,
    name: value.name,
    quantity: value.quantity,
    unitPriceMinor: toNumber(value.unit_price_minor),
  };
}

function toAddress({ name, line1, line2, city, postal_code: postalCode, country }: Row): Address {
  return { name, line1, line2: line2 ?? undefined, city, postalCode, country };
}
