import { generateKeyPair, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { ACCESS_TOKEN_SECONDS } from '#platform/auth/user-token.ts';
import { SERVICE_NAMES, type ServiceName } from '#platform/service-names.ts';
import { writePrivately } from './secrets.ts';
import { StartError } from './start-error.ts';

interface Jwk {
  readonly kid: string;
  readonly d?: string;
}

interface UserKeys {
  /** The one that signs, the next one, and the previous one while its tokens are valid. */
  readonly keys: readonly Jwk[];
  /** Epoch ms of the last rotation. */
  readonly rotatedAt?: number;
}

/** The lifetime of an access token, plus how much clocks may differ. */
const TOKENS_LIVE_MS = (ACCESS_TOKEN_SECONDS + 60) * 1000;

export interface KeyFiles {
  /** Private; each service gets only its own. */
  readonly serviceKey: Readonly<Record<ServiceName, string>>;
  /** Private; for the user service. The first one signs. */
  readonly userKeys: string;
  readonly publicServiceKeys: string;
  readonly publicUserKeys: string;
}

/** Generates the ES256 keys that are missing, and rewrites the public halves. Only their owner can access the folders and files. */
export async function ensureKeys(folder: string): Promise<KeyFiles> {
  const inFolder = (...names: string[]) => path.join(folder, ...names);
  const files: KeyFiles = {
    serviceKey: {
      product: inFolder('product/service-key.json'),
      cart: inFolder('cart/service-key.json'),
      order: inFolder('order/service-key.json'),
      user: inFolder('user/service-key.json'),
    },
    userKeys: inFolder('user/user-keys.json'),
    publicServiceKeys: inFolder('public/services.json'),
    publicUserKeys: inFolder('public/users.json'),
  };
  for (const name of [...SERVICE_NAMES, 'public']) await mkdir(inFolder(name), { recursive: true, mode: 0o700 });

  const issuers: [string, { keys: Jwk[] }][] = [];
  for (const name of SERVICE_NAMES) {
    const key = await readOrMake<Jwk>(files.serviceKey[name], makeKey);
    issuers.push([`svc:${name}`, { keys: [toPublic(key)] }]);
  }
  await writePrivately(files.publicServiceKeys, Object.fromEntries(issuers));

  const known = await readOrMake<UserKeys>(files.userKeys, async () => ({ keys: [await makeKey()] }));
  // The next key is published long before it signs, so that every service knows it by then.
  if (known.keys.length < 2) await writeUserKeys(files, { ...known, keys: [...known.keys, await makeKey()] });
  else await writePrivately(files.publicUserKeys, { keys: known.keys.map(toPublic) });
  return files;
}

/**
 * Makes the next user key sign, from the next start of the user service on, publishes a new next key, and keeps the old one for
 * verification. Every service must have been restarted since the last rotation. Throws StartError while tokens of the last but one key may
 * still be valid.
 */
export async function rotateUserKeys(folder: string, now = Date.now()): Promise<{ signs: string; next: string }> {
  const files = await ensureKeys(folder);
  const { keys, rotatedAt = 0 } = JSON.parse(await readFile(files.userKeys, 'utf8')) as UserKeys;
  const wait = rotatedAt + TOKENS_LIVE_MS - now;
  if (wait > 0) throw new StartError(`The keys were rotated recently: try again in ${Math.ceil(wait / 60_000)} min.`);
  const [old, next] = keys as [Jwk, Jwk];
  const fresh = await makeKey();
  await writeUserKeys(files, { keys: [next, fresh, old], rotatedAt: now });
  return { signs: next.kid, next: fresh.kid };
}

/** Public halves first: nothing is signed with a key that isn't published. */
async function writeUserKeys(files: KeyFiles, userKeys: UserKeys): Promise<void> {
  await writePrivately(files.publicUserKeys, { keys: userKeys.keys.map(toPublic) });
  await writePrivately(files.userKeys, userKeys);
}

async function readOrMake<Content>(file: string, make: () => Promise<Content>): Promise<Content> {
  if (!existsSync(file)) await writePrivately(file, await make());
  return JSON.parse(await readFile(file, 'utf8')) as Content;
}

async function makeKey(): Promise<Jwk> {
  const { privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
  return {
    ...privateKey.export({ format: 'jwk' }),
    kid: randomBytes(9).toString('base64url'),
    alg: 'ES256',
    use: 'sig',
  } as Jwk;
}

function toPublic({ d: _private, ...key }: Jwk): Jwk {
  return key;
}
