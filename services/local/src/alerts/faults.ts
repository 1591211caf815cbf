import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceName } from '#platform/service-names.ts';
import { freeze } from '../freeze.ts';
import { listGroup, signalProcess } from '../processes.ts';
import { readServiceProcesses } from '../service-processes.ts';
import type { Shop } from '../shop-client.ts';

/** Ends a fault; resolves when it is completely over. */
export type End = () => Promise<void>;

/** Freezes a process again and again, for `frozenMs` out of `frozenMs + freeMs`. */
export function freezeInTurns(pid: number, frozenMs: number, freeMs: number): End {
  return repeat(async (signal) => {
    const thaw = await freeze(pid);
    await sleep(frozenMs);
    await thaw();
    await sleep(freeMs, undefined, { signal });
  });
}

/** Freezes a process and its group. */
export async function freezeGroup(leader: number): Promise<End> {
  const thaws = await Promise.all((await listGroup(leader)).map(freeze));
  return async () => void (await Promise.all(thaws.map((thaw) => thaw())));
}

/** Kills every process of a service, and each that replaces it. The store's own supervisor brings it back afterwards. */
export function keepKilling(dataDir: string, service: ServiceName): End {
  return repeat(async (signal) => {
    for (const [name, pid] of await readServiceProcesses(dataDir)) {
      if (name.replace(/-\d+$/, '') === service) signalProcess(pid, 'SIGKILL');
    }
    await sleep(100, undefined, { signal });
  });
}

/** Keeps reading a guest's cart, whatever the answers: one statement each, which Nginx doesn't cache. */
export async function readCarts(shop: Shop, perSecond: number): Promise<End> {
  const [product] = (await shop.listProducts({ inStock: true, limit: 1 })).body.data;
  const { body: cart } = await shop.send<{ cartToken: string }>({ method: 'POST', path: '/api/v1/cart' });
  const headers = { 'x-cart-token': cart.cartToken };
  const body = { productId: product?.id, quantity: 1 };
  await shop.send({ method: 'POST', path: '/api/v1/cart/items', headers, body });
  const running = new Set<Promise<unknown>>();
  const timer = setInterval(() => {
    const read = shop.send({ method: 'GET', path: '/api/v1/cart', headers }).catch(() => undefined);
    running.add(read);
    read.finally(() => running.delete(read));
  }, 1000 / perSecond);
  return async () => {
    clearInterval(timer);
    await Promise.all(running);
  };
}

function repeat(work: (signal: AbortSignal) => Promise<void>): End {
  const ending = new AbortController();
  const repeating = (async () => {
    while (!ending.signal.aborted) await work(ending.signal);
  })().catch((error: unknown) => {
    if (!ending.signal.aborted) throw error;
  });
  // Thrown to the caller that ends it; until then it must not count as unhandled.
  repeating.catch(() => undefined);
  return async () => {
    ending.abort();
    await repeating;
  };
}
