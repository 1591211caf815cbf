import { z } from 'zod';
import { pageOf, pageQuery } from '../http/page.ts';
import { AUDITED, type Audited, type AuditLine, OUTCOMES } from './audit.ts';

const Fields = z.record(z.string(), z.unknown()).nullable();

const AuditLineBody = z
  .strictObject({
    id: z.guid(),
    at: z.iso.datetime(),
    actor: z.guid().meta({ description: "The admin's user id." }),
    entity: z.enum(AUDITED),
    entityId: z.string(),
    action: z.string(),
    outcome: z.enum(OUTCOMES).meta({ description: '`begun`: cut off, or the outcome is unknown.' }),
    code: z.string().nullable().meta({ description: 'Why it was refused.' }),
    before: Fields.meta({ description: 'The fields before the change.' }),
    after: Fields.meta({ description: 'The fields after the change.' }),
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

export const AuditPageBody = pageOf(AuditLineBody).meta({ id: 'AdminAuditPage' });

/** The query of a service that keeps the lines about `entities`. */
export function auditQuery(entities: readonly Audited[]) {
  return z.strictObject({
    entity: z.enum(entities, `One of ${AUDITED.join(', ')}.`).meta({ example: entities[0] }),
    day: z.iso
      .date('A day, YYYY-MM-DD.')
      .optional()
      .meta({ description: 'UTC; default today.', examples: ['2026-01-31'] }),
    ...pageQuery,
  });
}

export function toAuditLineBody(line: AuditLine): z.output<typeof AuditLineBody> {
  const { id, at, actor, entity, entityId, action, outcome, code = null, before, after } = line;
  const fields = { before: toFields(before), after: toFields(after) };
  return { id, at: at.toISOString(), actor, entity, entityId, action, outcome, code, ...fields };
}

function toFields(fields: object | undefined): Record<string, unknown> | null {
  return fields ? { ...fields } : null;
}
