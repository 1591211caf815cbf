import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** `kid` is attacker-controlled: a plain name to look up in a map, nothing else (RFC 8725 §3.10). */
export const KEY_ID = /^[A-Za-z0-9_-]{1,32}$/;

const jwk = z.looseObject({ kty: z.literal('EC'), crv: z.literal('P-256'), kid: z.string().regex(KEY_ID) });
const jwks = z.object({ keys: z.array(jwk).min(1) });

export interface SigningKey {
  readonly kid: string;
  readonly key: KeyObject;
}

/** Public keys by `kid`. */
export type KeySet = ReadonlyMap<string, KeyObject>;

/** Reads a private JWK. */
export function readSigningKey(file: string): SigningKey {
  return toSigningKey(jwk.parse(readJson(file)));
}

/** Reads a private JWKS; its first key signs, all of them verify. */
export function readSigningKeys(file: string): [SigningKey, ...SigningKey[]] {
  return jwks.parse(readJson(file)).keys.map(toSigningKey) as [SigningKey, ...SigningKey[]];
}

/** Reads a public JWKS. */
export function readKeySet(file: string): KeySet {
  return toKeySet(jwks.parse(readJson(file)));
}

/** Reads `{ issuer: JWKS }`; an issuer's signatures are verified with its own keys only. */
export function readKeySetsByIssuer(file: string): ReadonlyMap<string, KeySet> {
  const sets = z.record(z.string(), jwks).parse(readJson(file));
  return new Map(Object.entries(sets).map(([issuer, set]) => [issuer, toKeySet(set)]));
}

/** The public half in its published form. */
export function toPublicJwk({ kid, key }: SigningKey): JsonWebKey {
  return { ...createPublicKey(key).export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' };
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new Error(`The key file ${file} can't be read.`, { cause });
  }
}

function toSigningKey(key: z.output<typeof jwk>): SigningKey {
  return { kid: key.kid, key: createPrivateKey({ key: key as JsonWebKey, format: 'jwk' }) };
}

function toKeySet({ keys }: z.output<typeof jwks>): KeySet {
  return new Map(keys.map((key) => [key.kid, createPublicKey({ key: key as JsonWebKey, format: 'jwk' })]));
}
