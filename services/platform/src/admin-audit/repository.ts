import { randomUUID } from 'node:crypto';
import type { Database, Row } from '../cassandra/database.ts';
import { toLong } from '../cassandra/values.ts';
import type { TimePosition } from '../page.ts';
import type { AdminAct, Audited, AuditLine, AuditOutcome } from './audit.ts';

/** Names one line. */
type LineKey = Pick<AuditLine, 'entity' | 'at' | 'id'>;

/** The table `admin_audit` of a service's keyspace. */
export interface AuditRepository {
  /** Writes a new line, `begun` now. */
  begin(act: AdminAct): Promise<LineKey>;
  /** Completes the line, whichever of its two writes arrives first. */
  complete(
    line: LineKey,
    outcome: AuditOutcome,
    facts: { readonly code?: string; readonly after?: object | undefined },
  ): Promise<void>;
  /** At most `limit` lines of `day` (UTC, `YYYY-MM-DD`), newest first, in one read. */
  list(entity: Audited, day: string, limit: number, after: TimePosition | undefined): Promise<AuditLine[]>;
}

const BEGIN = `INSERT INTO admin_audit (entity, day, at, id, actor, entity_id, action, before, outcome)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'begun') USING TIMESTAMP ?`;
const COMPLETE =
  'UPDATE admin_audit USING TIMESTAMP ? SET outcome = ?, code = ?, after = ? WHERE entity = ? AND day = ? AND at = ? AND id = ?';
const COLUMNS = 'entity, at, id, actor, entity_id, action, before, after, outcome, code';

export function createAuditRepository(database: Database): AuditRepository {
  return {
    async begin({ entity, entityId, action, actor, before }) {
      const line = { entity, at: new Date(), id: randomUUID() };
      const key = [entity, toDay(line.at), line.at, line.id];
      const fields = before && JSON.stringify(before);
      const stamp = toLong(toMicroseconds(line.at));
      await database.write('admin_audit.begin', BEGIN, [...key, actor, entityId, action, fields, stamp]);
      return line;
    },

    async complete({ entity, at, id }, outcome, { code, after }) {
      const key = [entity, toDay(at), at, id];
      const fields = after && JSON.stringify(after);
      const stamp = toLong(toMicroseconds(at) + 1);
      await database.write('admin_audit.complete', COMPLETE, [stamp, outcome, code, fields, ...key]);
    },

    async list(entity, day, limit, after) {
      const from = after ? 'AND (at, id) < (?, ?) ' : '';
      const rows = await database.read(
        'admin_audit.list',
        `SELECT ${COLUMNS} FROM admin_audit WHERE entity = ? AND day = ? ${from}LIMIT ?`,
        [entity, day, ...(after ? [after.at, after.id] : []), limit],
      );
      return rows.map(toLine);
    },
  };
}

/** As a write timestamp. */
function toMicroseconds(at: Date): number {
  return at.getTime() * 1000;
}

function toDay(at: Date): string {
  return at.toISOString().slice(0, 10);
}

function toLine(row: Row): AuditLine {
  return {
    id: row.id.toString(),
    at: row.at,
    actor: row.actor.toString(),
    entity: row.entity,
    entityId: row.entity_id,
    action: row.action,
    outcome: row.outcome,
    code: row.code ?? undefined,
    before: row.before ? JSON.parse(row.before) : undefined,
    after: row.after ? JSON.parse(row.after) : undefined,
  };
}
