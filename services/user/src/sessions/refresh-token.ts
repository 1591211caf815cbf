import { hash, randomBytes } from 'node:crypto';

/** What an opaque refresh token contains. */
export interface RefreshToken {
  readonly sessionId: string;
  /** How many tokens of the session came before it. */
  readonly generation: number;
  /** SHA-256 of the secret that all tokens of the session share, and nothing else shows. */
  readonly familyHash: string;
  /** SHA-256 of the whole token. */
  readonly hash: string;
}

/** The text is for its owner alone, the hashes for the database. */
export interface IssuedRefreshToken extends RefreshToken {
  readonly text: string;
}

export interface RefreshTokens {
  /** The first token of a session: 128 random bits that its successors repeat, and 256 of its own. */
  create(sessionId: string): IssuedRefreshToken;
  /** The successor of one of our tokens, with 256 random bits of its own. */
  createNext(text: string): IssuedRefreshToken;
  /** Undefined for a text that can't be one of ours. Says nothing about whether it is valid. */
  read(text: string): RefreshToken | undefined;
}

const ID_BYTES = 16;
const GENERATION_BYTES = 4;
const FAMILY_SECRET_BYTES = 16;
const SECRET_BYTES = 32;

const FAMILY_SECRET_AT = ID_BYTES + GENERATION_BYTES;
const SECRET_AT = FAMILY_SECRET_AT + FAMILY_SECRET_BYTES;
const BYTES = SECRET_AT + SECRET_BYTES;

export const refreshTokens: RefreshTokens = {
  create(sessionId) {
    const bytes = Buffer.alloc(BYTES);
    bytes.write(sessionId.replaceAll('-', ''), 'hex');
    randomBytes(FAMILY_SECRET_BYTES).copy(bytes, FAMILY_SECRET_AT);
    return issue(bytes);
  },

  createNext(text) {
    const bytes = Buffer.from(text, 'base64url');
    bytes.writeUInt32BE(bytes.readUInt32BE(ID_BYTES) + 1, ID_BYTES);
    return issue(bytes);
  },

  read(text) {
    const bytes = Buffer.from(text, 'base64url');
    // Buffer skips what isn't base64url; one token has one spelling.
    if (bytes.length !== BYTES || bytes.toString('base64url') !== text) return undefined;
    return toToken(bytes);
  },
};

function issue(bytes: Buffer): IssuedRefreshToken {
  randomBytes(SECRET_BYTES).copy(bytes, SECRET_AT);
  return { ...toToken(bytes), text: bytes.toString('base64url') };
}

function toToken(bytes: Buffer): RefreshToken {
  return {
    sessionId: toUuid(bytes.toString('hex', 0, ID_BYTES)),
    generation: bytes.readUInt32BE(ID_BYTES),
    familyHash: hash('sha256', bytes.subarray(FAMILY_SECRET_AT, SECRET_AT)),
    hash: hash('sha256', bytes),
  };
}

function toUuid(hex: string): string {
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
