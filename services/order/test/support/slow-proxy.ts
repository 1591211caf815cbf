import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A proxy in front of a service that can make it slow, or unreachable. */
export interface SlowProxy {
  readonly url: string;
  /** How long each request waits before it is passed on. */
  delayMs: number;
  /** It answers 503 for these paths, in place of the service. */
  refuses: RegExp | undefined;
  close(): Promise<void>;
}

export async function startSlowProxy(target: string): Promise<SlowProxy> {
  const server = createServer(async (incoming, response) => {
    const { method, url = '/', headers } = incoming;
    if (proxy.refuses?.test(url)) return response.writeHead(503).end();
    await sleep(proxy.delayMs);
    const outgoing = request(new URL(url, target), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    outgoing.on('error', () => response.destroy());
    incoming.pipe(outgoing);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: SlowProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    delayMs: 0,
    refuses: undefined,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return proxy;
}
