import { hash, type KeyObject } from 'node:crypto';
import jwt, { type JwtPayload } from 'jsonwebtoken';
import { LRUCache } from 'lru-cache';
import { Unauthorized } from '../errors.ts';
import { KEY_ID } from './keys.ts';

/** How far two clocks may differ. */
const CLOCK_SKEW_SECONDS = 5;
const MAX_TOKEN_LENGTH = 4096;

export interface Claims extends JwtPayload {
  readonly iss: string;
  readonly sub: string;
  readonly iat: number;
  readonly exp: number;
}

export interface TokenRules {
  /** The header's `typ`, so that one kind of token can't be used as another (RFC 8725 §3.11). */
  readonly type: string;
  readonly audience: string;
  /** Longest `exp - iat`. */
  readonly maxLifetimeSeconds: number;
  /** The key for `kid`, given the issuer that the token claims; undefined when that issuer has no such key. */
  findKey(kid: string, issuer: string): KeyObject | undefined;
}

/**
 * Creates a verifier that follows RFC 8725: ES256 only, the key chosen by `kid` from our own keys, and `typ`, `iss`, `aud`, `exp`, `nbf`,
 * `iat` and the lifetime checked. Throws Unauthorized, the same for every cause. A verified token is remembered, since an ECDSA
 * verification costs more than all of Express; only its expiry is checked again.
 */
export function createTokenVerifier(rules: TokenRules): (token: string) => Claims {
  const verified = new LRUCache<string, Claims>({ max: 10_000 });

  return (token) => {
    const fingerprint = hash('sha256', token, 'base64url');
    const remembered = verified.get(fingerprint);
    if (remembered) {
      if (remembered.exp + CLOCK_SKEW_SECONDS <= Date.now() / 1000) throw new Unauthorized();
      return remembered;
    }
    const claims = verify(token, rules);
    verified.set(fingerprint, claims);
    return claims;
  };
}

function verify(token: string, { type, audience, maxLifetimeSeconds, findKey }: TokenRules): Claims {
  if (token.length > MAX_TOKEN_LENGTH) throw new Unauthorized();
  try {
    const unverified = jwt.decode(token, { complete: true });
    const issuer = (unverified?.payload as JwtPayload | undefined)?.iss;
    const kid = unverified?.header.kid;
    if (!unverified || typeof issuer !== 'string' || typeof kid !== 'string' || !KEY_ID.test(kid))
      throw new Unauthorized();
    if (unverified.header.typ !== type || 'crit' in unverified.header) throw new Unauthorized();
    const key = findKey(kid, issuer);
    if (!key || !isCanonical(unverified.signature)) throw new Unauthorized();

    const claims = jwt.verify(token, key, {
      algorithms: ['ES256'],
      audience,
      issuer,
      clockTolerance: CLOCK_SKEW_SECONDS,
    }) as Claims;
    if (!isComplete(claims) || claims.aud !== audience) throw new Unauthorized();
    if (claims.exp - claims.iat > maxLifetimeSeconds || claims.iat > Date.now() / 1000 + CLOCK_SKEW_SECONDS)
      throw new Unauthorized();
    return claims;
  } catch {
    throw new Unauthorized();
  }
}

/** Of the texts that decode to the same bytes, accepts only the one that we write: the last character has spare bits. */
function isCanonical(signature: string): boolean {
  return Buffer.from(signature, 'base64url').toString('base64url') === signature;
}

function isComplete({ sub, iat, exp }: Partial<Claims>): boolean {
  return typeof sub === 'string' && Number.isInteger(iat) && Number.isInteger(exp);
}
