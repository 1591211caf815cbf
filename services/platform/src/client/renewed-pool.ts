import { createRequire } from 'node:module';
import type { Pool as UndiciPool } from 'undici';

// undici's main module would also load fetch, WebSocket, caches and mocks: 88 more modules, and 2.5 MB more in a service (7.30.2). It is
// also what gives a pool its `request`.
const require = createRequire(import.meta.url);
const Pool: typeof UndiciPool = require('undici/lib/dispatcher/pool.js');
Pool.prototype.request = require('undici/lib/api/api-request.js');

/** A pool of connections to one address, replaced by a new one from time to time. */
export interface RenewedPool {
  /** The pool to send the next request with. */
  current(): UndiciPool;
  /** Resolves when all requests in flight have been answered. */
  close(): Promise<void>;
}

/**
 * `age` is in ms. undici's own `clientTtl` isn't used: once all connections that a pool may have are older than that, its next request
 * waits, deaf to its signal, until somebody sends another (7.30.2, `Pool[kGetDispatcher]`).
 */
export function createRenewedPool(url: string, options: UndiciPool.Options, age: number): RenewedPool {
  let pool = new Pool(url, options);
  let bornAt = Date.now();
  let isClosed = false;
  const closing = new Set<Promise<void>>();

  function retire(): void {
    const closed = pool.close().finally(() => closing.delete(closed));
    closing.add(closed);
  }

  return {
    current() {
      // A closed one refuses its requests, as it should.
      if (!isClosed && Date.now() - bornAt > age) {
        retire();
        pool = new Pool(url, options);
        bornAt = Date.now();
      }
      return pool;
    },
    async close() {
      isClosed = true;
      retire();
      await Promise.all(closing);
    },
  };
}
