import { randomUUID } from 'node:crypto';
import { hash } from 'bcrypt';
import { connectDatabase } from '#platform/cassandra/database.ts';
import { silentLogger } from '#platform/logging.ts';
import { createMetrics } from '#platform/metrics.ts';
import { createAdminRepository } from '../../user/src/admins/repository.ts';
import { createUserRepository } from '../../user/src/users/repository.ts';
import { type Credentials, isActiveAdmin, normalizeEmail, toUser } from '../../user/src/users/user.ts';
import type { Store } from './store.ts';

export interface FirstAdmin {
  readonly email: string;
  readonly password: string;
  readonly bcryptCost: number;
  readonly keyspacePrefix?: string | undefined;
}

/**
 * Creates the first admin, once: an existing account keeps its password and its role. The next run finishes an interrupted one.
 * Resolves to true if it was created now.
 */
export async function ensureFirstAdmin(store: Pick<Store, 'cluster' | 'secrets'>, admin: FirstAdmin): Promise<boolean> {
  const keyspace = `${admin.keyspacePrefix ?? ''}users`;
  const email = normalizeEmail(admin.email);
  const database = await connectDatabase(
    {
      ...store.cluster,
      keyspace,
      username: keyspace,
      password: store.secrets.rolePasswords.users,
    },
    createMetrics(),
    silentLogger,
  );
  const users = createUserRepository(database);

  async function claim(): Promise<Credentials | undefined> {
    const passwordHash = await hash(admin.password, admin.bcryptCost);
    const userId = randomUUID();
    const credentials = { userId, email, name: 'Admin', role: 'admin', createdAt: new Date(), passwordHash } as const;
    return (await users.claim(credentials)) ? credentials : undefined;
  }

  try {
    const known = await users.findCredentials(email);
    const made = known ? undefined : await claim();
    const credentials = known ?? made ?? (await users.findCredentials(email));
    if (!credentials) throw new Error(`The account ${email} can't be read after it was created.`);
    const user = (await users.findLatest(credentials.userId)) ?? (await users.add(toUser(credentials)));
    if (isActiveAdmin(user)) await createAdminRepository(database).enter(user.userId, user.version);
    return made !== undefined;
  } finally {
    await database.close();
  }
}
