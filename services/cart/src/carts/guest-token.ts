import { hash, randomBytes } from 'node:crypto';

/** The secrets by which guests open their carts. */
export interface GuestTokens {
  /** A new secret of 256 random bits, for the guest alone, and the id that its cart is kept under. */
  create(): { readonly text: string; readonly cartId: string };
  /** The id of the cart that this opens if there is one; undefined for a text that can't be one of ours. */
  toCartId(text: string): string | undefined;
}

/** The prefix lets whoever finds one in a text know it for a secret: see `redact` in the platform's logging. */
const TOKEN = /^cart_[\w-]{43}$/;
const SECRET_BYTES = 32;

export const guestTokens: GuestTokens = {
  create() {
    const text = `cart_${randomBytes(SECRET_BYTES).toString('base64url')}`;
    return { text, cartId: toUuid(text) };
  },
  toCartId: (text) => (TOKEN.test(text) ? toUuid(text) : undefined),
};

/** A UUID of version 8 (RFC 9562): no user's id is one, so that no token ever opens a user's cart. */
function toUuid(text: string): string {
  const bytes = hash('sha256', text, 'buffer').subarray(0, 16);
  bytes.writeUInt8(((bytes[6] ?? 0) & 0x0f) | 0x80, 6);
  bytes.writeUInt8(((bytes[8] ?? 0) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
