import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { readKeySetsByIssuer } from '#platform/auth/keys.ts';
import { createServiceTokenVerifier } from '#platform/auth/service-token.ts';
import { testKeysDir } from '../../../local/test-support/service-config.ts';

export interface StubProduct {
  id: string;
  sku: string;
  name: string;
  image: string | null;
  price: { amount: number; currency: string };
  available: number;
}

/** A product service of one route, over real HTTP; requires a real token. */
export interface ProductStub {
  readonly url: string;
  /** The ids of each call. */
  readonly calls: string[][];
  /** While true, every answer is 503. */
  down: boolean;
  /** Starts selling a product, or changes the one with this id. */
  offer(facts?: Partial<StubProduct>): StubProduct;
  /** Stops selling it. */
  remove(id: string): void;
  close(): void;
}

export async function startProductStub(): Promise<ProductStub> {
  const products = new Map<string, StubProduct>();
  const verify = createServiceTokenVerifier('product', readKeySetsByIssuer(join(testKeysDir, 'public/services.json')));
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: unknown) => response.writeHead(status).end(JSON.stringify(body));
    if (stub.down) return answer(503, {});
    if (request.method !== 'POST' || request.url !== '/internal/products/batch') return answer(404, {});
    const { service, scope } = verify(request.headers.authorization?.slice('Bearer '.length) ?? '');
    if (service !== 'cart' || scope !== 'products:read') return answer(403, {});
    const { ids } = await readJson(request);
    if (ids.length === 0 || ids.length > 100) return answer(400, {});
    stub.calls.push(ids);
    return answer(200, { data: ids.flatMap((id) => products.get(id) ?? []), added: 'later' });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const stub: ProductStub = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: [],
    down: false,
    offer(facts = {}) {
      const id = crypto.randomUUID();
      const price = { amount: 1999, currency: 'USD' };
      const product = { id, sku: `SKU-${id}`, name: 'Lamp', image: null, price, available: 100, ...facts };
      products.set(product.id, product);
      return product;
    },
    remove: (id) => void products.delete(id),
    close: () => void server.close(),
  };
  return stub;
}

async function readJson(request: IncomingMessage): Promise<{ ids: string[] }> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return JSON.parse(text);
}
