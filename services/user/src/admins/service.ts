import type { AdminAudit } from '#platform/admin-audit.ts';
import type { Sessions } from '../sessions/service.ts';
import { userNotFound } from '../users/refusals.ts';
import type { UserPage, UserPosition, UserRepository } from '../users/repository.ts';
import { endsSessions, isActiveAdmin, type User, type UserChange } from '../users/user.ts';
import type { CountedAdmins } from './repository.ts';

/** What admins do with users. */
export interface UserAdministration {
  /** Newest first. */
  listUsers(limit: number, after: UserPosition | undefined): Promise<UserPage>;
  /** Throws NotFound `user_not_found`. */
  getUser(userId: string): Promise<User>;
  /**
   * Changes role and status on behalf of the admin `actor`. Who is disabled or loses the role is signed out everywhere, also by saying
   * again what is so already. Throws NotFound `user_not_found`, and Conflict `last_admin` where no active admin would be left.
   */
  changeUser(actor: string, userId: string, change: UserChange): Promise<User>;
}

export interface UserAdministrationParts {
  readonly users: UserRepository;
  readonly admins: CountedAdmins;
  readonly sessions: Pick<Sessions, 'endAll'>;
  readonly audit: AdminAudit;
}

export function createUserAdministration(parts: UserAdministrationParts): UserAdministration {
  const { users, admins, sessions, audit } = parts;

  async function getUser(userId: string): Promise<User> {
    const user = await users.findLatest(userId);
    if (!user) throw userNotFound();
    return user;
  }

  async function apply(userId: string, { role, status }: UserChange): Promise<User> {
    for (;;) {
      const user = await getUser(userId);
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
      const before = toAuditFields(await getUser(userId));
      const work = async () => {
        const changed = await apply(userId, change);
        if (endsSessions(change)) await sessions.endAll(userId);
        return changed;
      };
      return audit.record({ entity: 'user', entityId: userId, action: 'update', actor, before }, work, toAuditFields);
    },
  };
}

function toAuditFields({ role, status }: User): UserChange {
  return { role, status };
}
