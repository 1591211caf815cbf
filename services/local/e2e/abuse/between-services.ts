import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSigningKey } from '#platform/auth/keys.ts';
import { createServiceTokenIssuer } from '#platform/auth/service-token.ts';
import { SERVICE_NAMES, type ServiceName } from '#platform/service-names.ts';
import { createShop, type Shop } from '../../src/shop-client.ts';
import type { RunningStore } from '../running-store.ts';
import type { Operation } from './operations.ts';
import type { Scene } from './scene.ts';

/** Who calls what, with which scope: from the architecture, not from the code. */
const CALLERS: Readonly<Record<string, { readonly callers: readonly ServiceName[]; readonly scope: string }>> = {
  'POST /internal/products/batch': { callers: ['cart', 'order'], scope: 'products:read' },
  'PUT /internal/reservations/{orderId}': { callers: ['order'], scope: 'reservations:write' },
  'POST /internal/reservations/{orderId}/commit': { callers: ['order'], scope: 'reservations:write' },
  'POST /internal/reservations/{orderId}/release': { callers: ['order'], scope: 'reservations:write' },
  'POST /internal/reservations/{orderId}/return': { callers: ['order'], scope: 'reservations:write' },
  'POST /internal/carts/{userId}/take': { callers: ['order'], scope: 'carts:take' },
  'POST /internal/carts/{userId}/restore': { callers: ['order'], scope: 'carts:restore' },
  'GET /internal/revocations': { callers: ['product', 'cart', 'order'], scope: 'revocations:read' },
};
const SCOPES = [...new Set(Object.values(CALLERS).map(({ scope }) => scope)), '*', ''];
const SOMEBODY = '7a52d9c4-6c1b-4f0e-9b1c-0d1f2e3a4b5c';

/** Calls between services, on their own ports: each service may call only what it should, and nobody else may. */
export function betweenServices(running: () => RunningStore, scene: () => Scene): void {
  const internal = () => scene().operations.filter(({ isInternal }) => isInternal);

  test('every internal operation has its callers listed here, and every operation listed exists', () => {
    assert.deepEqual(
      internal()
        .map(({ name }) => name)
        .sort(),
      Object.keys(CALLERS).sort(),
    );
    assert.ok(internal().every(({ security }) => security.join() === 'service'));
  });

  test('a service is let in with its own key, by the service it names, for that one scope, and not otherwise', async (context) => {
    const wrong: string[] = [];
    let asked = 0;
    for (const service of SERVICE_NAMES) {
      await behindTheDoor(service, async (shop) => {
        for (const operation of internal().filter((each) => each.service === service)) {
          for (const caller of SERVICE_NAMES) {
            for (const signer of SERVICE_NAMES) {
              const issue = createServiceTokenIssuer(caller, keyOf(signer));
              for (const audience of SERVICE_NAMES) {
                for (const scope of SCOPES) {
                  asked += 1;
                  const status = await statusOf(shop, operation, issue(audience, scope));
                  const expected = expectedOf(operation, { caller, signer, audience, scope });
                  if (!expected.includes(status))
                    wrong.push(`${operation.name} by ${signer} as ${caller} for ${scope} at ${audience}: ${status}`);
                }
              }
            }
          }
        }
      });
    }
    assert.deepEqual(wrong, []);
    context.diagnostic(`${asked} tokens`);
  });

  test('no access token, not even an admin’s, opens an internal operation', async () => {
    const { people } = scene();
    for (const operation of internal()) {
      await behindTheDoor(operation.service, async (shop) => {
        for (const token of [people.admin.token, people.stranger.token, undefined])
          assert.equal(await statusOf(shop, operation, token), 401, operation.name);
      });
    }
  });

  test('no internal operation can be reached through Nginx, whatever the token and however the path is written', async () => {
    const { shop } = running();
    for (const operation of internal()) {
      const { callers, scope } = CALLERS[operation.name] as (typeof CALLERS)[string];
      const [caller] = callers as [ServiceName];
      const token = createServiceTokenIssuer(caller, keyOf(caller))(operation.service, scope);
      const path = operation.path.replaceAll(/\{\w+\}/g, SOMEBODY);
      const ways = [
        path,
        `/api/v1${path}`,
        `/api/v1/cart/..${path}`,
        `/${path}`,
        path.toUpperCase(),
        `/%69${path.slice(2)}`,
      ];
      for (const way of ways) {
        const { status, body } = await shop.send<{ code: string }>({ method: operation.method, path: way, token });
        assert.deepEqual([status, body.code], [404, 'not_found'], way);
      }
    }
  });

  function keyOf(service: ServiceName) {
    return readSigningKey(`${running().store.dataDir}/keys/${service}/service-key.json`);
  }

  async function behindTheDoor(service: ServiceName, work: (shop: Shop) => Promise<void>): Promise<void> {
    const shop = createShop(running().store.urls[service][0] as string);
    try {
      await work(shop);
    } finally {
      await shop.close();
    }
  }
}

/** Without a body or query, so that a caller who is let in is refused for that alone. */
async function statusOf(shop: Shop, { method, path }: Operation, token: string | undefined): Promise<number> {
  return (await shop.send({ method, path: path.replaceAll(/\{\w+\}/g, SOMEBODY), token })).status;
}

function expectedOf(
  { name, service }: Operation,
  { caller, signer, audience, scope }: { caller: ServiceName; signer: ServiceName; audience: string; scope: string },
): readonly number[] {
  if (signer !== caller || audience !== service) return [401];
  const rule = CALLERS[name];
  return rule?.callers.includes(caller) && rule.scope === scope ? [400, 415] : [403];
}
