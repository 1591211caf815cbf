import jwt from 'jsonwebtoken';
import { Unauthorized } from '../errors.ts';
import type { KeySet, SigningKey } from './keys.ts';
import { createTokenVerifier } from './verify-token.ts';

/** Lifetime of an access token. */
export const ACCESS_TOKEN_SECONDS = 600;

const TYPE = 'at+jwt';
const ISSUER = 'product-store';
const AUDIENCE = 'product-store';
/** In the form in which ids are issued, so that readers can use one as a uuid in a query. */
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export type Role = 'user' | 'admin';

/** A signed-in person. */
export interface UserCaller {
  readonly userId: string;
  readonly sessionId: string;
  readonly role: Role;
}

/** True if a token of `subject` (a user's or a session's id) issued at `issuedAt` (epoch seconds) has been revoked. */
export type IsRevoked = (subject: string, issuedAt: number) => boolean;

export function issueUserToken({ userId, sessionId, role }: UserCaller, { kid, key }: SigningKey): string {
  return jwt.sign({ sid: sessionId, role }, key, {
    algorithm: 'ES256',
    keyid: kid,
    header: { alg: 'ES256', typ: TYPE },
    issuer: ISSUER,
    audience: AUDIENCE,
    subject: userId,
    expiresIn: ACCESS_TOKEN_SECONDS,
  });
}

/** Creates a verifier of user tokens, which throws Unauthorized unless the token is ours, current and not revoked. */
export function createUserTokenVerifier(keys: KeySet, isRevoked: IsRevoked): (token: string) => UserCaller {
  const verify = createTokenVerifier({
    type: TYPE,
    audience: AUDIENCE,
    maxLifetimeSeconds: ACCESS_TOKEN_SECONDS,
    findKey: (kid, issuer) => (issuer === ISSUER ? keys.get(kid) : undefined),
  });
  return (token) => {
    const { sub, iat, sid, role } = verify(token);
    if (!UUID.test(sub) || typeof sid !== 'string' || !UUID.test(sid)) throw new Unauthorized();
    if (role !== 'user' && role !== 'admin') throw new Unauthorized();
    if (isRevoked(sub, iat) || isRevoked(sid, iat)) throw new Unauthorized();
    return { userId: sub, sessionId: sid, role };
  };
}
