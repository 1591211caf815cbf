import type { CursorCodec } from '../http/cursor.ts';
import { type Route, route } from '../http/route.ts';
import { readTimeCursor, toTimeCursor } from '../http/time-cursor.ts';
import type { AdminAudit, Audited } from './audit.ts';
import { AuditPageBody, auditQuery, toAuditLineBody } from './schema.ts';

/** `GET /api/v1/admin/audit` for the entities whose lines this service keeps; Nginx chooses the service by `entity`. */
export function adminAuditRoutes(audit: AdminAudit, entities: readonly Audited[], cursors: CursorCodec): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/admin/audit',
      summary: 'What admins changed on a day, newest first',
      tag: 'Admin',
      access: 'admin',
      request: { query: auditQuery(entities) },
      response: AuditPageBody,
      paged: true,
      handle: async ({ query: { entity, day, limit, cursor } }) => {
        const binding = `admin audit ${entity} ${day ?? ''}`;
        const after = readTimeCursor(cursors, binding, cursor);
        // A walk over today that continues after midnight stays on the day it began.
        const listed = day ?? (after?.at ?? new Date()).toISOString().slice(0, 10);
        const { lines, next } = await audit.listLines(entity, listed, limit, after);
        return { data: lines.map(toAuditLineBody), page: { limit, nextCursor: toTimeCursor(cursors, binding, next) } };
      },
    }),
  ];
}
