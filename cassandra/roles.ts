import { setTimeout as sleep } from 'node:timers/promises';
import { compare } from 'bcrypt';
import { type Client, errors } from 'cassandra-driver';
import { executeChange, quoteText, retryWriteTimeouts } from './admin-client.ts';
import { KEYSPACES, ROLE_NAMES, type RoleName } from './keyspaces.ts';

export interface RoleStep {
  readonly role: string;
  /** What is done, in words. */
  readonly words: string;
  /** Can be repeated. */
  readonly cql: string;
}

/** What is missing for each role to be able to sign in with its password, and to do what it may. */
export async function findRoleSteps(
  client: Client,
  prefix: string,
  passwords: Readonly<Record<RoleName, string>>,
): Promise<RoleStep[]> {
  const names = ROLE_NAMES.map((role) => `${prefix}${role}`);
  const [accounts, permissions] = await Promise.all([
    client.execute('SELECT role, can_login, salted_hash FROM system_auth.roles WHERE role IN ?', [names], {
      prepare: true,
    }),
    client.execute('SELECT role, resource, permissions FROM system_auth.role_permissions WHERE role IN ?', [names], {
      prepare: true,
    }),
  ]);
  const granted = new Set(
    permissions.rows.flatMap((row) =>
      (row.get('permissions') ?? []).map(
        (permission: string) => `${row.get('role')} ${permission} ${row.get('resource')}`,
      ),
    ),
  );
  const perRole = await Promise.all(
    ROLE_NAMES.map(async (role) => {
      const name = `${prefix}${role}`;
      const account = accounts.rows.find((row) => row.get('role') === name);
      const steps: RoleStep[] = [];
      const login = `${name} WITH PASSWORD = ${quoteText(passwords[role])} AND LOGIN = true`;
      if (account === undefined)
        steps.push({ role: name, words: `role ${name}`, cql: `CREATE ROLE IF NOT EXISTS ${login}` });
      // Compared here and not by a sign-in: a refused one would leave the old password in the server's cache.
      else if (!account.get('can_login') || !(await compare(passwords[role], account.get('salted_hash') ?? ''))) {
        steps.push({ role: name, words: `role ${name}: password`, cql: `ALTER ROLE ${login}` });
      }
      const keyspaces = role === 'audit' ? Object.values(KEYSPACES) : [role];
      for (const keyspace of keyspaces.map((each) => `${prefix}${each}`)) {
        for (const permission of role === 'audit' ? ['SELECT'] : ['SELECT', 'MODIFY']) {
          if (granted.has(`${name} ${permission} data/${keyspace}`)) continue;
          steps.push({
            role: name,
            words: `role ${name}: ${permission} on ${keyspace}`,
            cql: `GRANT ${permission} ON KEYSPACE ${keyspace} TO ${name}`,
          });
        }
      }
      return steps;
    }),
  );
  return perRole.flat();
}

export async function changeRole(client: Client, { role, cql }: RoleStep): Promise<void> {
  for (;;) {
    try {
      await retryWriteTimeouts(() => executeChange(client, cql));
      return await forgetCachedRole(client, role);
    } catch (error) {
      // 5.0.9 doesn't let a password be changed again for a few seconds, and says how many.
      const wait = /can only be changed every (\d+)ms/.exec(error instanceof errors.ResponseError ? error.message : '');
      if (wait === null) throw error;
      await sleep(Number(wait[1]) / 5);
    }
  }
}

/**
 * Removes a role from the node's caches. Those are refreshed in the background, after the access that found them old: without this the
 * first sign-in within a minute after the change still succeeds with what was valid before it. (Virtual tables, Cassandra 4.1 and up.)
 */
export async function forgetCachedRole(client: Client, role: string): Promise<void> {
  for (const cache of ['credentials_cache_keys', 'roles_cache_keys']) {
    await client.execute(`DELETE FROM system_views.${cache} WHERE role = ?`, [role], { prepare: true });
  }
}
