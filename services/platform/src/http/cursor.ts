import { createHmac, timingSafeEqual } from 'node:crypto';
import { BadRequest } from '../errors.ts';

/** Turns the position where a page ended into an opaque string, and back. */
export interface CursorCodec {
  /** `binding` is everything that the list depends on: route, filter, sort, owner. A cursor is valid only for the same binding. */
  encode(binding: string, position: unknown): string;
  /** Throws BadRequest `invalid_cursor` if the cursor was altered or belongs to another list. */
  decode(binding: string, cursor: string): unknown;
}

const MAC_BYTES = 16;

export function createCursorCodec(secret: string): CursorCodec {
  const sign = (binding: string, payload: string) =>
    createHmac('sha256', secret).update(`${binding}\n${payload}`).digest().subarray(0, MAC_BYTES).toString('base64url');

  return {
    encode(binding, position) {
      const payload = Buffer.from(JSON.stringify(position)).toString('base64url');
      return `${payload}.${sign(binding, payload)}`;
    },
    decode(binding, cursor) {
      const [payload = '', mac = '', ...rest] = cursor.split('.');
      // Compared as text, since several texts decode to the same bytes.
      const isOurs = rest.length === 0 && isSame(mac, sign(binding, payload));
      if (!isOurs) throw invalidCursor();
      return JSON.parse(Buffer.from(payload, 'base64url').toString());
    },
  };
}

function isSame(left: string, right: string): boolean {
  const [given, ours] = [Buffer.from(left), Buffer.from(right)];
  return given.length === ours.length && timingSafeEqual(given, ours);
}

export function invalidCursor(): BadRequest {
  return new BadRequest('invalid_cursor', 'The cursor was altered, or belongs to another list, filter or sort.', {
    extensions: { errors: [{ pointer: '/cursor', detail: 'Not a cursor of this list.' }] },
  });
}
