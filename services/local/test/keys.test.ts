import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { readKeySet, readSigningKeys } from '#platform/auth/keys.ts';
import { createUserTokenVerifier, issueUserToken } from '#platform/auth/user-token.ts';
import { ensureKeys, rotateUserKeys } from '../src/keys.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'store-keys-'));
});
afterEach(() => rm(folder, { recursive: true }));

const MINUTE = 60_000;
const caller = { userId: crypto.randomUUID(), sessionId: crypto.randomUUID(), role: 'user' } as const;

/** A user service and a verifier, freshly started. */
async function start() {
  const { userKeys, publicUserKeys } = await ensureKeys(folder);
  const [signing] = readSigningKeys(userKeys);
  return {
    kid: signing.kid,
    issue: () => issueUserToken(caller, signing),
    verify: createUserTokenVerifier(readKeySet(publicUserKeys), () => false),
    published: [...readKeySet(publicUserKeys).keys()],
  };
}

test('two user keys are published: the one that signs, and the next one before its first use', async () => {
  const { kid, published } = await start();
  assert.equal(published.length, 2);
  assert.equal(published[0], kid);
  await rotateUserKeys(folder);
  assert.equal((await start()).kid, published[1]);
});

test('a store with one user key gets its next one at the next start, and keeps using the first', async () => {
  const { userKeys } = await ensureKeys(folder);
  const { keys } = JSON.parse(await readFile(userKeys, 'utf8'));
  await writeFile(userKeys, JSON.stringify({ keys: keys.slice(0, 1) }));
  const { kid, published } = await start();
  assert.equal(kid, keys[0].kid);
  assert.equal(published.length, 2);
});

test('across rotations, services started before and after accept each other’s tokens', async () => {
  let before = await start();
  for (let now = Date.now(), round = 0; round < 4; round += 1, now += 12 * MINUTE) {
    await rotateUserKeys(folder, now);
    const after = await start();
    assert.notEqual(after.kid, before.kid);
    for (const token of [before.issue(), after.issue()]) {
      assert.deepEqual(before.verify(token), caller);
      assert.deepEqual(after.verify(token), caller);
    }
    before = after;
  }
  assert.equal(before.published.length, 3);
});

test('a key is removed only when its last token has expired', async () => {
  const first = await start();
  const now = Date.now();
  await rotateUserKeys(folder, now);
  await assert.rejects(rotateUserKeys(folder, now + 10 * MINUTE), /try again in 1 min/);
  assert.ok((await start()).published.includes(first.kid));
  await rotateUserKeys(folder, now + 11 * MINUTE);
  assert.ok(!(await start()).published.includes(first.kid));
});

test('no private key is published, and only the owner can read it', async () => {
  await ensureKeys(folder);
  await rotateUserKeys(folder);
  const { userKeys, publicUserKeys } = await ensureKeys(folder);
  for (const key of JSON.parse(await readFile(publicUserKeys, 'utf8')).keys) assert.equal(key.d, undefined);
  assert.equal((await stat(userKeys)).mode & 0o777, 0o600);
});
