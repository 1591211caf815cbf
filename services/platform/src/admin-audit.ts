import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Database, Row } from './cassandra/database.ts';
import { toLong } from './cassandra/values.ts';
import { StoreError } from './errors.ts';
import type { CursorCodec } from './http/cursor.ts';
import { pageOf, pageQuery } from './http/page.ts';
import { type Route, route } from './http/route.ts';
import type { Logger } from './logging.ts';

/** What admins change, over all services; each keeps the lines of its own. */
export const AUDITED = ['product', 'category', 'stock', 'order', 'user'] as const;
export type Audited = (typeof AUDITED)[number];

/** What an admin sets out to do. */
export interface AdminAct {
  readonly entity: Audited;
  readonly entityId: string;
  /** Stable and snake_case, e.g. 'update'. */
  readonly action: string;
  /** The admin's user id. */
  readonly actor: string;
  /** The fields as they are before, as the API shows them; never a password, token or hash. */
  readonly before?: object | undefined;
}

/** `begun` is all that is known of an act that was cut off, or whose outcome nobody was told. */
export type AuditOutcome = 'begun' | 'done' | 'refused';

export interface AuditLine extends AdminAct {
  readonly id: string;
  readonly at: Date;
  readonly outcome: AuditOutcome;
  /** Why it was refused. */
  readonly code: string | undefined;
  readonly after: object | undefined;
}

/** Where a page of lines ended. */
export interface AuditPosition {
  readonly at: Date;
  readonly id: string;
}

export interface AdminAudit {
  /**
   * Does `work`, and leaves a line about it: written before, so that nothing that was acknowledged is without one, and completed
   * afterwards with what `after` gives, or with the code of the refusal. Throws what `work` throws.
   */
  record<Result>(
    act: AdminAct,
    work: () => Promise<Result>,
    after: (result: Result) => object | undefined,
  ): Promise<Result>;
  /** The lines of one day (UTC, `YYYY-MM-DD`), newest first, in one read. */
  listLines(entity: Audited, day: string, limit: number, after: AuditPosition | undefined): Promise<AuditLine[]>;
}

const BEGIN = `INSERT INTO admin_audit (entity, day, at, id, actor, entity_id, action, before, outcome)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'begun') USING TIMESTAMP ?`;
const COMPLETE =
  'UPDATE admin_audit USING TIMESTAMP ? SET outcome = ?, code = ?, after = ? WHERE entity = ? AND day = ? AND at = ? AND id = ?';
const COLUMNS = 'entity, at, id, actor, entity_id, action, before, after, outcome, code';

/** The audit log of a service, in the table `admin_audit` of its keyspace. */
export function createAdminAudit({ database, logger }: { database: Database; logger: Logger }): AdminAudit {
  async function begin({ entity, entityId, action, actor, before }: AdminAct): Promise<Line> {
    const line = { entity, at: new Date(), id: randomUUID() };
    const { at, id } = line;
    await database.write('admin_audit.begin', BEGIN, [
      entity,
      toDay(at),
      at,
      id,
      actor,
      entityId,
      action,
      before && JSON.stringify(before),
      stampOf(line),
    ]);
    return line;
  }

  /** The change has been made or refused by now: that stays the answer, whether or not its line can be completed. */
  async function complete(line: Line, outcome: AuditOutcome, { code, after }: { code?: string; after?: object }) {
    const { entity, at, id } = line;
    const text = after && JSON.stringify(after);
    await database
      .write('admin_audit.complete', COMPLETE, [stampOf(line).add(1), outcome, code, text, entity, toDay(at), at, id])
      .catch((cause: unknown) =>
        logger.warn('admin_audit_incomplete', `A line that is ${outcome} stays begun.`, { id, cause }),
      );
  }

  return {
    async record(act, work, after) {
      const line = await begin(act);
      try {
        const result = await work();
        const facts = after(result);
        await complete(line, 'done', facts ? { after: facts } : {});
        return result;
      } catch (error) {
        if (error instanceof StoreError && error.status < 500) await complete(line, 'refused', { code: error.code });
        throw error;
      }
    },

    async listLines(entity, day, limit, after) {
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

type Line = Pick<AuditLine, 'entity' | 'at' | 'id'>;

/** Write timestamp in µs: the completion is later, whichever comes first. */
function stampOf({ at }: Line): ReturnType<typeof toLong> {
  return toLong(at.getTime() * 1000);
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

const Fields = z.record(z.string(), z.unknown()).nullable();

const AuditLineBody = z
  .strictObject({
    id: z.uuid(),
    at: z.iso.datetime(),
    actor: z.uuid().meta({ description: "The admin's user id." }),
    entity: z.enum(AUDITED),
    entityId: z.string(),
    action: z.string(),
    outcome: z.enum(['begun', 'done', 'refused']).meta({
      description: '`begun` was cut off, or nobody knows how it ended.',
    }),
    code: z.string().nullable().meta({ description: 'Why it was refused.' }),
    before: Fields.meta({ description: 'The fields before.' }),
    after: Fields.meta({ description: 'The fields afterwards.' }),
  })
  .meta({
    id: 'AdminAuditLine',
    example: {
      id: 'c1f0a7d2-94be-4f35-8d61-0e7b5a92c3f8',
      at: '2026-01-31T09:41:07.512Z',
      actor: '51d8c3a6-7e02-4b9f-a1c4-96f0e2d7b538',
      entity: 'category',
      entityId: 'headphones',
      action: 'update',
      outcome: 'done',
      code: null,
      before: { name: 'Headphones' },
      after: { name: 'Headphones and Earphones' },
    },
  });

const AuditPageBody = pageOf(AuditLineBody).meta({ id: 'AdminAuditPage' });

/** A position as the cursor carries it. */
const CursorContent = z.object({ t: z.int(), i: z.uuid() });

/** `GET /api/v1/admin/audit` for the entities that this service keeps; Nginx asks the service that `entity` names. */
export function adminAuditRoutes(audit: AdminAudit, entities: readonly Audited[], cursors: CursorCodec): Route[] {
  const AuditQuery = z.strictObject({
    entity: z.enum(entities, `One of ${AUDITED.join(', ')}.`).meta({ example: entities[0] }),
    day: z.iso
      .date('A day, YYYY-MM-DD.')
      .optional()
      .meta({ description: 'UTC; default today.', examples: ['2026-01-31'] }),
    ...pageQuery,
  });
  return [
    route({
      method: 'get',
      path: '/api/v1/admin/audit',
      summary: 'What admins changed on a day, newest first',
      tag: 'Admin',
      access: 'admin',
      request: { query: AuditQuery },
      response: AuditPageBody,
      paged: true,
      handle: async ({ query: { entity, day, limit, cursor } }) => {
        const binding = `admin audit ${entity} ${day ?? ''}`;
        const after = cursor === undefined ? undefined : toPosition(cursors.decode(binding, cursor));
        // A walk over today that goes on after midnight stays with the day it began on.
        const lines = await audit.listLines(entity, day ?? toDay(after?.at ?? new Date()), limit + 1, after);
        const page = lines.slice(0, limit);
        const last = lines.length > limit ? page.at(-1) : undefined;
        return {
          data: page.map(toAuditLineBody),
          page: { limit, nextCursor: last ? cursors.encode(binding, toContent(last)) : null },
        };
      },
    }),
  ];
}

function toAuditLineBody({ id, at, actor, entity, entityId, action, ...line }: AuditLine) {
  const { outcome, code = null, before, after } = line;
  return {
    id,
    at: at.toISOString(),
    actor,
    entity,
    entityId,
    action,
    outcome,
    code,
    before: toFields(before),
    after: toFields(after),
  };
}

function toFields(fields: object | undefined): Record<string, unknown> | null {
  return fields ? { ...fields } : null;
}

function toContent({ at, id }: AuditPosition): z.output<typeof CursorContent> {
  return { t: at.getTime(), i: id };
}

function toPosition(content: unknown): AuditPosition {
  const { t, i } = CursorContent.parse(content);
  return { at: new Date(t), id: i };
}
