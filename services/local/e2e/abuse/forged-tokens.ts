import assert from 'node:assert/strict';
import { test } from 'node:test';
import pLimit from 'p-limit';
import { readSigningKey } from '#platform/auth/keys.ts';
import { createServiceTokenIssuer } from '#platform/auth/service-token.ts';
import type { Answer } from '../../src/shop-client.ts';
import { createForger, type Forger } from '../../test-support/forger.ts';
import type { RunningStore } from '../running-store.ts';
import type { Operation } from './operations.ts';
import type { Scene } from './scene.ts';

const AT_ONCE = 16;
const SOMEBODY = '7a52d9c4-6c1b-4f0e-9b1c-0d1f2e3a4b5c';

/** Tokens that look like the store's, sent to every operation that requires one. */
export function forgedTokens(running: () => RunningStore, scene: () => Scene): void {
  test('every forged token gets the same 401 from every protected operation', async (context) => {
    const { shop } = running();
    const guarded = scene().operations.filter(({ security }) => security.includes('user'));
    const { forge, forgeries } = await newForger();
    const tokens = { ...forgeries(), ...mangled(forge({})) };
    assert.ok(guarded.length >= 20 && Object.keys(tokens).length >= 40);

    const wrong: string[] = [];
    await pLimit(AT_ONCE).map(guarded, async (operation) => {
      const expected = toRefusal(await shop.send(withToken(operation, 'x')));
      assert.equal(expected.body.code, 'unauthorized', operation.name);
      assert.equal(expected.challenge, 'Bearer', operation.name);
      for (const [name, token] of Object.entries(tokens)) {
        const refusal = toRefusal(await shop.send(withToken(operation, token)));
        if (JSON.stringify(refusal) !== JSON.stringify(expected))
          wrong.push(`${operation.name}, ${name}: ${refusal.status}`);
      }
    });
    assert.deepEqual(wrong, []);
    context.diagnostic(`${Object.keys(tokens).length} tokens to ${guarded.length} operations`);
  });

  test('a token that the forger leaves unchanged is accepted', async () => {
    const { shop } = running();
    const { forge } = await newForger();
    assert.equal((await shop.as(forge({})).profile()).status, 200);
  });

  async function newForger(): Promise<Forger> {
    const { store } = running();
    const { people } = scene();
    const orderKey = readSigningKey(`${store.dataDir}/keys/order/service-key.json`);
    const issue = createServiceTokenIssuer('order', orderKey);
    const published = await fetch(`${store.baseUrl}/.well-known/jwks.json`);
    return createForger({
      userKeys: people.userKeys,
      published: await published.text(),
      good: people.stranger.token,
      userId: people.stranger.userId,
      serviceKid: orderKey.kid,
      serviceToken: (audience) => issue(audience, 'revocations:read'),
    });
  }
}

/** Nothing else in the request is valid: a caller refused for the token learns nothing more. */
function withToken({ method, path, service }: Operation, token: string) {
  const query = path === '/api/v1/admin/audit' ? { entity: service } : undefined;
  return { method, path: path.replaceAll(/\{\w+\}/g, SOMEBODY), query, token };
}

/** A good token with other characters in it. */
function mangled(good: string): Record<string, string> {
  const [head = '', body = '', signature = ''] = good.split('.');
  return {
    'cut to its first half': good.slice(0, good.length / 2),
    'without its header': `.${body}.${signature}`,
    'with its parts in another order': `${body}.${head}.${signature}`,
    'in capitals': good.toUpperCase(),
    'with a dot at the end': `${good}.`,
    'with a plus in it': `${head}.${body}.+${signature.slice(1)}`,
    twice: `${good}.${good}`,
  };
}

function toRefusal({ status, headers, body }: Answer) {
  const { instance: _, requestId: __, ...rest } = body as Record<string, unknown>;
  return { status, challenge: headers['www-authenticate'], type: headers['content-type'], body: rest };
}
