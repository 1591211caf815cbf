import { hash, randomBytes } from 'node:crypto';

/** What an opaque refresh token says once it is read. */
export interface RefreshToken {
  readonly sessionId: string;
  readonly generation: number;
  readonly hash: string;
}

export interface RefreshTokens {
  /** A new token: session, generation and 256 random bits. The text is for its owner alone, the hash for the database. */
  create(sessionId: string, generation: number): RefreshToken & { readonly text: string };
  /** Undefined for a text that can't be one of ours. Says nothing about whether it is good. */
  read(text: string): RefreshToken | undefined;
}

const ID_BYTES = 16;
const GENERATION_BYTES = 4;
const SECRET_BYTES = 32;
const BYTES = ID_BYTES + GENERATION_BYTES + SECRET_BYTES;

export const refreshTokens: RefreshTokens = {
  create(sessionId, generation) {
    const bytes = Buffer.alloc(BYTES);
    bytes.write(sessionId.replaceAll('-', ''), 'hex');
    bytes.writeUInt32BE(generation, ID_BYTES);
    randomBytes(SECRET_BYTES).copy(bytes, ID_BYTES + GENERATION_BYTES);
    return { sessionId, generation, hash: hash('sha256', bytes), text: bytes.toString('base64url') };
  },

  read(text) {
    const bytes = Buffer.from(text, 'base64url');
    // Buffer skips what isn't base64url; one token has one spelling.
    if (bytes.length !== BYTES || bytes.toString('base64url') !== text) return undefined;
    const sessionId = toUuid(bytes.toString('hex', 0, ID_BYTES));
    return { sessionId, generation: bytes.readUInt32BE(ID_BYTES), hash: hash('sha256', bytes) };
  },
};

function toUuid(hex: string): string {
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
