import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import pLimit from 'p-limit';
import type { Journal } from '../src/audit/journal.ts';
import { type Answer, bodyOf, codeOf, type Order } from '../src/shop-client.ts';
import { eventually } from '../test-support/eventually.ts';
import type { SignedIn } from './running-store.ts';

/** Orders that clients place while something is killed, and what became of each. */
export interface OrderBook {
  /** Orders the shopper's cart under a new key and remembers the answer; undefined if none came. */
  place(shopper: SignedIn): Promise<Answer<Order> | undefined>;
  /**
   * Retries every key until all orders are decided, and gives their statuses. Throws when that takes longer, or when an acknowledged order
   * is gone or has become a different one.
   */
  settle(withinMs: number): Promise<string[]>;
}

interface Asked {
  readonly key: string;
  readonly shopper: SignedIn;
  /** The id that the client received, if any. */
  orderId: string | undefined;
}

/** Retries at a time. */
const AT_ONCE = 12;

export function createOrderBook(journal: Journal): OrderBook {
  const asked: Asked[] = [];

  /** Retries the key, which must give the same order, whatever became of the first answer; its status once it is decided. */
  async function decide({ key, shopper, orderId }: Asked): Promise<string | undefined> {
    const answer = await shopper.placeOrder(key).catch(() => undefined);
    if (answer?.status === 409) {
      const code = codeOf(answer);
      if (code === 'idempotency_in_progress') return undefined;
      assert.ok(orderId === undefined || (await readStatus(shopper, orderId)) === 'rejected', `${key}: ${code}`);
      return 'rejected';
    }
    if (!answer || answer.status >= 300) return undefined;
    if (orderId !== undefined) assert.equal(answer.body.id, orderId, 'another order for the same key');
    return answer.body.status === 'pending' ? undefined : answer.body.status;
  }

  async function readStatus(shopper: SignedIn, orderId: string): Promise<string> {
    return bodyOf(await shopper.order(orderId), 200).status;
  }

  return {
    async place(shopper) {
      const request: Asked = { key: randomUUID(), shopper, orderId: undefined };
      asked.push(request);
      const answer = await shopper.placeOrder(request.key).catch(() => undefined);
      if (!answer || answer.status >= 300) return answer;
      request.orderId = answer.body.id;
      if (answer.status === 201) {
        const { id: orderId, status, total } = answer.body;
        journal.order({ key: request.key, userId: shopper.userId, orderId, status, total: total.amount });
      }
      return answer;
    },

    async settle(withinMs) {
      const deadline = Date.now() + withinMs;
      return pLimit(AT_ONCE).map(asked, async (request) => {
        const status = await eventually(
          () => decide(request),
          (decided) => decided !== undefined,
          deadline - Date.now(),
        );
        return status as string;
      });
    },
  };
}
