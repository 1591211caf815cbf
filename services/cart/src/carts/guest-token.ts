import { hash, randomBytes } from 'node:crypto';

/** The secrets with which guests open their carts. */
export interface GuestTokens {
  /** A new secret of 256 random bits, for the guest alone, and the id of the cart that it opens. */
  create(): { readonly text: string; readonly cartId: string };
  /** The id of the cart that the token opens, if there is one; undefined for a malformed token. */
  toCartId(text: string): string | undefined;
}

/** The prefix marks a token as a secret wherever it turns up: see `redact` in the platform's logging. */
const TOKEN = /^cart_[\w-]{43}$/;
const SECRET_BYTES = 32;

export const guestTokens: GuestTokens = {
  create() {
    const text = `cart_${randomBytes(SECRET_BYTES).toString('base64url')}`;
    return { text, cartId: toUuid(text) };
  },
  toCartId: (text) => (TOKEN.test(text) ? toUuid(text) : undefined),
};

/** A UUID of version 8 (RFC 9562), made of the token's hash. No user's id is one, so no token ever opens a user's cart. */
function toUuid(text: string): string {
  const bytes = hash('sha256', text, 'buffer').subarray(0, 16);
  bytes.writeUInt8(((bytes[6] ?? 0) & 0x0f) | 0x80, 6);
  bytes.writeUInt8(((bytes[8] ?? 0) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
