import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { SigningKey } from '#platform/auth/keys.ts';

export interface ForgerParts {
  /** The store's own, so that only the forged part is wrong; the second one is published but signs nothing yet. */
  readonly userKeys: readonly SigningKey[];
  /** The public JWKS as text. */
  readonly published: string;
  /** An access token of the store. */
  readonly good: string;
  readonly userId: string;
  /** `kid` of a service's key. */
  readonly serviceKid: string;
  /** A token with which a service would call `audience`. */
  serviceToken(audience: string): string;
}

export interface Forger {
  /** A token like ours, with other header members, claims or signature; `undefined` leaves a member out. */
  forge(header: Members, claims?: Members, signature?: (input: string) => string): string;
  /** Freshly made, by what is wrong with them; none may be accepted. */
  forgeries(): Record<string, string>;
}

type Members = Record<string, unknown>;

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const es256 = (signingKey: KeyObject) => (input: string) =>
  sign('sha256', Buffer.from(input), { key: signingKey, dsaEncoding: 'ieee-p1363' }).toString('base64url');
const hs256 = (secret: string | Buffer) => (input: string) =>
  createHmac('sha256', secret).update(input).digest('base64url');

export function createForger({ userKeys, published, good, userId, serviceKid, serviceToken }: ForgerParts): Forger {
  const [{ kid, key }, other] = userKeys as [SigningKey, SigningKey];
  const publicKey = createPublicKey(key);
  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const sessionId = crypto.randomUUID();

  function forge(header: Members, claims: Members = {}, signature = es256(key)): string {
    const now = Math.floor(Date.now() / 1000);
    const input = [
      encode({ alg: 'ES256', typ: 'at+jwt', kid, ...header }),
      encode({
        iss: 'product-store',
        aud: 'product-store',
        sub: userId,
        sid: sessionId,
        role: 'user',
        iat: now,
        exp: now + 600,
        ...claims,
      }),
    ].join('.');
    return `${input}.${signature(input)}`;
  }

  function forgeries(): Record<string, string> {
    const der = (input: string) => sign('sha256', Buffer.from(input), key).toString('base64url');
    const now = Math.floor(Date.now() / 1000);
    const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
    const strangerJwk = stranger.publicKey.export({ format: 'jwk' });
    const [head = '', body = '', mac = ''] = good.split('.');
    const unsigned = () => '';
    const foreign = es256(stranger.privateKey);
    return {
      'alg none, unsigned': forge({ alg: 'none' }, {}, unsigned),
      'alg nOnE': forge({ alg: 'nOnE' }, {}, unsigned),
      'alg none with our signature': forge({ alg: 'none' }),
      'no alg': forge({ alg: undefined }),
      'ES256 without signature': forge({}, {}, unsigned),
      'HS256 with the public key as PEM': forge({ alg: 'HS256' }, {}, hs256(pem)),
      'HS256 with the public key as DER': forge(
        { alg: 'HS256' },
        {},
        hs256(publicKey.export({ type: 'spki', format: 'der' })),
      ),
      'HS256 with the JWKS': forge({ alg: 'HS256' }, {}, hs256(published)),
      'HS256 with nothing': forge({ alg: 'HS256' }, {}, hs256('')),
      'ES384 named': forge({ alg: 'ES384' }),
      'RS256 named': forge({ alg: 'RS256' }),
      'signed by a stranger': forge({}, {}, foreign),
      'a stranger’s key in jwk': forge({ jwk: strangerJwk }, {}, foreign),
      'a stranger’s key in jwk, no kid': forge({ jwk: strangerJwk, kid: undefined }, {}, foreign),
      'jku to a stranger': forge({ jku: 'http://127.0.0.1:9/jwks.json' }, {}, foreign),
      'x5u to a stranger': forge({ x5u: 'http://127.0.0.1:9/cert.pem' }, {}, foreign),
      'x5c of a stranger': forge({ x5c: ['MIIB'] }, {}, foreign),
      'crit with an unknown member': forge({ crit: ['exp'] }),
      'crit b64': forge({ crit: ['b64'], b64: false }),
      'empty crit': forge({ crit: [] }),
      'unknown kid': forge({ kid: 'users-9' }),
      'kid of the other key': forge({ kid: other.kid }),
      'kid of a service’s key': forge({ kid: serviceKid }),
      'kid that climbs folders': forge({ kid: '../../dev/null' }),
      'kid with SQL': forge({ kid: "x' OR '1'='1" }),
      'kid __proto__': forge({ kid: '__proto__' }),
      'kid that is no text': forge({ kid: { toString: kid } }),
      'no kid': forge({ kid: undefined }),
      'typ JWT': forge({ typ: 'JWT' }),
      'typ svc+jwt': forge({ typ: 'svc+jwt' }),
      'no typ': forge({ typ: undefined }),
      'another issuer': forge({}, { iss: 'https://evil.example' }),
      'a service as issuer': forge({}, { iss: 'svc:user' }),
      'no issuer': forge({}, { iss: undefined }),
      'another audience': forge({}, { aud: 'another-store' }),
      'several audiences': forge({}, { aud: ['product-store', 'another-store'] }),
      'no audience': forge({}, { aud: undefined }),
      expired: forge({}, { iat: now - 700, exp: now - 100 }),
      'expired by more than the skew': forge({}, { iat: now - 600, exp: now - 6 }),
      'no exp': forge({}, { exp: undefined }),
      'exp as text': forge({}, { exp: String(now + 600) }),
      'lives too long': forge({}, { iat: now, exp: now + 601 }),
      'issued in the future': forge({}, { iat: now + 60, exp: now + 120 }),
      'not yet good': forge({}, { nbf: now + 60 }),
      'no iat': forge({}, { iat: undefined }),
      'no subject': forge({}, { sub: undefined }),
      'a subject that is no id': forge({}, { sub: 'ada@example.com' }),
      'a subject in capitals': forge({}, { sub: userId.toUpperCase() }),
      'a subject with more behind it': forge({}, { sub: `${userId}\n` }),
      'a subject in a list': forge({}, { sub: [userId] }),
      'a session that is no id': forge({}, { sid: '1' }),
      'a session in a list': forge({}, { sid: [sessionId] }),
      'no session': forge({}, { sid: undefined }),
      'no role': forge({}, { role: undefined }),
      'unknown role': forge({}, { role: 'root' }),
      'a role in a list': forge({}, { role: ['admin'] }),
      'a service’s token': serviceToken('user'),
      'a service’s token for product-store': serviceToken('product-store'),
      'our signature over other claims': `${head}.${encode({ role: 'admin' })}.${mac}`,
      'a signature cut short': `${head}.${body}.${mac.slice(0, -4)}`,
      'a signature in DER': forge({}, {}, der),
      'a signature padded': `${good}==`,
      'a signature spelled otherwise': `${head}.${body}.${respelled(mac)}`,
      'a signature of zeros': `${head}.${body}.${Buffer.alloc(64).toString('base64url')}`,
      'two parts': `${head}.${body}`,
      'four parts': `${good}.${mac}`,
      'claims that are no JSON': `${head}.e30x.${mac}`,
      'a header that is null': `${encode(null)}.${body}.${mac}`,
      'claims that are null': `${head}.${encode(null)}.${mac}`,
      'one word': 'token',
      'very long': forge({}, { padding: 'x'.repeat(5000) }),
    };
  }

  return { forge, forgeries };
}

/** Another encoding of the same bytes: the last of 86 characters has four unused bits. */
function respelled(signature: string): string {
  return signature.slice(0, -1) + BASE64URL[BASE64URL.indexOf(signature.at(-1) as string) ^ 1];
}
