import type { AdminAudit } from '#platform/admin-audit/audit.ts';
import { Unauthorized } from '#platform/errors.ts';
import type { TimePosition } from '#platform/page.ts';
import type { SessionService } from '../sessions/service.ts';
import type { UserPage, UserRepository } from '../users/repository.ts';
import { endsSessions, isActiveAdmin, type User, type UserChange } from '../users/user.ts';
import { userNotFound } from './refusals.ts';
import type { AdminRepository } from './repository.ts';

/** What admins do with users. */
export interface AdminService {
  /** Newest first. */
  listUsers(limit: number, after: TimePosition | undefined): Promise<UserPage>;
  /** Throws NotFound `user_not_found`. */
  getUser(userId: string): Promise<User>;
  /**
   * Changes role and status on behalf of the admin `actor`. A user who is disabled or loses the role is signed out everywhere, also if the
   * change repeats what already holds. Throws NotFound `user_not_found`, Conflict `last_admin` if no active admin would be left,
   * Unauthorized if `actor` is no longer an active admin, and Unavailable `busy`.
   */
  changeUser(actor: string, userId: string, change: UserChange): Promise<User>;
}

export interface AdminParts {
  readonly users: UserRepository;
  readonly admins: AdminRepository;
  readonly sessions: Pick<SessionService, 'endAll'>;
  readonly audit: AdminAudit;
}

export function createAdminService({ users, admins, sessions, audit }: AdminParts): AdminService {
  async function getUser(userId: string): Promise<User> {
    const user = await users.findLatest(userId);
    if (!user) throw userNotFound();
    return user;
  }

  async function apply(actor: string, userId: string, { role, status }: UserChange): Promise<User> {
    for (;;) {
      const user = await getUser(userId);
      // Checked on the very version that is replaced: another admin may have been faster.
      if (userId === actor) assertActiveAdmin(user);
      const version = user.version + 1;
      const changed = { ...user, role: role ?? user.role, status: status ?? user.status, version };
      if (isActiveAdmin(user) && !isActiveAdmin(changed)) await admins.leave(userId, version);
      if (!(await users.replace(user, changed))) continue;
      if (isActiveAdmin(changed)) await admins.enter(userId, version);
      return changed;
    }
  }

  return {
    listUsers: (limit, after) => users.list(limit, after),
    getUser,

    async changeUser(actor, userId, change) {
      // Sees every acknowledged change. A serial read would contend with running ones.
      assertActiveAdmin(await users.find(actor));
      const before = toAuditFields(await getUser(userId));
      const work = async () => {
        const changed = await apply(actor, userId, change);
        if (endsSessions(change)) await sessions.endAll(userId);
        return changed;
      };
      return audit.record({ entity: 'user', entityId: userId, action: 'update', actor, before }, work, toAuditFields);
    },
  };
}

/** A token stays valid for seconds after its owner lost the role or the access: nobody may use it to undo that. */
function assertActiveAdmin(actor: User | undefined): void {
  if (!actor || !isActiveAdmin(actor)) throw new Unauthorized();
}

function toAuditFields({ role, status }: User): UserChange {
  return { role, status };
}
