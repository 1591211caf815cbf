import { Pool } from 'undici';

/** Connections to one address, which are replaced by new ones from time to time. */
export interface RenewedPool {
  /** The pool to send the next request with. */
  current(): Pool;
  /** Ends when what is under way has its answer. */
  close(): Promise<void>;
}

/**
 * `age` is in ms. undici's own `clientTtl` isn't used: once all connections that a pool may have are older than that, its next request
 * waits, deaf to its signal, until somebody sends another (7.30.2, `Pool[kGetDispatcher]`).
 */
export function createRenewedPool(url: string, options: Pool.Options, age: number): RenewedPool {
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
