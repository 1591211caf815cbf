import jwt from 'jsonwebtoken';
import { Unauthorized } from '../errors.ts';
import type { KeySet, SigningKey } from './keys.ts';
import { createTokenVerifier } from './verify-token.ts';

const TYPE = 'svc+jwt';
const LIFETIME_SECONDS = 60;
/** A token is reused while it is valid for at least this long. */
const RENEW_BEFORE_SECONDS = 20;

/** A service that calls another. */
export interface ServiceCaller {
  readonly service: string;
  readonly scope: string;
}

/** Issues tokens with which `service` calls `audience` for one `scope`; signs a new one only when the last is about to expire. */
export function createServiceTokenIssuer(service: string, { kid, key }: SigningKey) {
  const issued = new Map<string, { token: string; renewAt: number }>();
  return (audience: string, scope: string): string => {
    const purpose = `${audience} ${scope}`;
    const now = Date.now();
    const last = issued.get(purpose);
    if (last && now < last.renewAt) return last.token;
    const issuer = `svc:${service}`;
    const token = jwt.sign({ scope }, key, {
      algorithm: 'ES256',
      keyid: kid,
      header: { alg: 'ES256', typ: TYPE },
      issuer,
      subject: issuer,
      audience,
      expiresIn: LIFETIME_SECONDS,
    });
    issued.set(purpose, { token, renewAt: now + (LIFETIME_SECONDS - RENEW_BEFORE_SECONDS) * 1000 });
    return token;
  };
}

/** Creates a verifier of tokens for `service`: signed by the service that they name, and meant only for this one. */
export function createServiceTokenVerifier(service: string, keysByIssuer: ReadonlyMap<string, KeySet>) {
  const verify = createTokenVerifier({
    type: TYPE,
    audience: service,
    maxLifetimeSeconds: LIFETIME_SECONDS,
    findKey: (kid, issuer) => keysByIssuer.get(issuer)?.get(kid),
  });
  return (token: string): ServiceCaller => {
    const { iss, sub, scope } = verify(token);
    if (sub !== iss || typeof scope !== 'string') throw new Unauthorized();
    return { service: iss.slice('svc:'.length), scope };
  };
}
