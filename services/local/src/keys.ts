import { generateKeyPair, randomBytes } from 'node:crypto';
import { access, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { writePrivately } from './secrets.ts';
import { SERVICE_NAMES, type ServiceName } from './settings.ts';

interface Jwk {
  readonly kid: string;
  readonly d?: string;
}

export interface KeyFiles {
  /** Private; each service gets its own alone. */
  readonly serviceKey: Readonly<Record<ServiceName, string>>;
  /** Private; for the user service. The first one signs. */
  readonly userKeys: string;
  readonly publicServiceKeys: string;
  readonly publicUserKeys: string;
}

/** Makes the ES256 keys that aren't there yet, and writes the public halves anew. Folders and files are their owner's alone. */
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

  const { keys } = await readOrMake<{ keys: Jwk[] }>(files.userKeys, async () => ({ keys: [await makeKey()] }));
  await writePrivately(files.publicUserKeys, { keys: keys.map(toPublic) });
  return files;
}

async function readOrMake<Content>(file: string, make: () => Promise<Content>): Promise<Content> {
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  if (!isThere) await writePrivately(file, await make());
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
