import { StoreError } from '../errors.ts';
import type { Logger } from '../logging.ts';
import { cutPage, type TimePosition } from '../page.ts';
import type { AuditRepository } from './repository.ts';

/** What admins change, over all services; each service keeps the lines about its own. */
export const AUDITED = ['product', 'category', 'stock', 'order', 'user'] as const;
export type Audited = (typeof AUDITED)[number];

/** `begun` is all that is known of an act that was cut off or whose outcome is unknown. */
export const OUTCOMES = ['begun', 'done', 'refused'] as const;
export type AuditOutcome = (typeof OUTCOMES)[number];

/** What an admin sets out to do. */
export interface AdminAct {
  readonly entity: Audited;
  readonly entityId: string;
  /** Stable and snake_case, e.g. 'update'. */
  readonly action: string;
  /** The admin's user id. */
  readonly actor: string;
  /** The fields before the change, as the API shows them; never a password, token or hash. */
  readonly before?: object | undefined;
}

export interface AuditLine extends AdminAct {
  readonly id: string;
  readonly at: Date;
  readonly outcome: AuditOutcome;
  /** Why the act was refused. */
  readonly code: string | undefined;
  readonly after: object | undefined;
}

export interface AuditPage {
  readonly lines: readonly AuditLine[];
  readonly next: TimePosition | undefined;
}

export interface AdminAudit {
  /**
   * Does `work` and records it in one line, which is written before, so that every acknowledged change has one, and completed afterwards
   * with what `after` returns or with the code of the refusal. Throws what `work` throws.
   */
  record<Result>(
    act: AdminAct,
    work: () => Promise<Result>,
    after?: (result: Result) => object | undefined,
  ): Promise<Result>;
  /** One page of the lines of `day` (UTC, `YYYY-MM-DD`), newest first, in one read. */
  listLines(entity: Audited, day: string, limit: number, after: TimePosition | undefined): Promise<AuditPage>;
}

export interface AdminAuditParts {
  readonly lines: AuditRepository;
  readonly logger: Logger;
}

/** The audit log of one service. */
export function createAdminAudit({ lines, logger }: AdminAuditParts): AdminAudit {
  /** By now the change has been made or refused: that stays the answer even if the line can't be completed. */
  async function complete(...[line, outcome, facts]: Parameters<AuditRepository['complete']>): Promise<void> {
    try {
      await lines.complete(line, outcome, facts);
    } catch (cause) {
      logger.warn('admin_audit_incomplete', `A line that is ${outcome} stays begun.`, { id: line.id, cause });
    }
  }

  return {
    async record(act, work, after = () => undefined) {
      const line = await lines.begin(act);
      try {
        const result = await work();
        await complete(line, 'done', { after: after(result) });
        return result;
      } catch (error) {
        if (error instanceof StoreError && error.status < 500) await complete(line, 'refused', { code: error.code });
        throw error;
      }
    },

    async listLines(entity, day, limit, after) {
      const { page, last } = cutPage(await lines.list(entity, day, limit + 1, after), limit);
      return { lines: page, next: last && { at: last.at, id: last.id } };
    },
  };
}
