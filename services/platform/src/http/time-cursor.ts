import { z } from 'zod';
import type { TimePosition } from '../page.ts';
import type { CursorCodec } from './cursor.ts';

const Content = z.object({ t: z.int(), i: z.guid() });

/** Where the page begins, undefined for the first one. Throws BadRequest `invalid_cursor` as `cursors.decode` does. */
export function readTimeCursor(
  cursors: CursorCodec,
  binding: string,
  cursor: string | undefined,
): TimePosition | undefined {
  if (cursor === undefined) return undefined;
  const { t, i } = Content.parse(cursors.decode(binding, cursor));
  return { at: new Date(t), id: i };
}

/** The `nextCursor` of a page: null when `next` is undefined, at the end of the list. */
export function toTimeCursor(cursors: CursorCodec, binding: string, next: TimePosition | undefined): string | null {
  return next ? cursors.encode(binding, { t: next.at.getTime(), i: next.id } satisfies z.output<typeof Content>) : null;
}
