import jwt from 'jsonwebtoken';
import { Unauthorized } from '../errors.ts';
import type { KeySet, SigningKey } from './keys.ts';
import { createTokenVerifier } from './verify-token.ts';

const TYPE = 'svc+jwt';
const LIFETIME_SECONDS = 60;
/** A token is used again while it has this many seconds left. */
const RENEW_BEFORE_SECONDS = 20;

/** A service that calls another one. */
export interface ServiceCaller {
  readonly service: string;
  readonly scope: string;
}

/** Gives a token with which `service` calls `audience` for one `scope`; signs only when the last one runs out. */
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

/** Makes a check of tokens for `service`: signed by the service they name, for this one alone. */
export function createServiceTokenVerifier(service: string, keysByIssuer: ReadonlyMap<string, KeySet>) {
  const verify = createTokenVerifier({
    type: TYPE,
    audience: service,
    maxLifetime: LIFETIME_SECONDS,
    findKey: (kid, issuer) => keysByIssuer.get(issuer)?.get(kid),
  });
  return (token: string): ServiceCaller => {
    const { iss, sub, scope } = verify(token);
    if (sub !== iss || typeof scope !== 'string') throw new Unauthorized();
    return { service: iss.slice('svc:'.length), scope };
  };
}
