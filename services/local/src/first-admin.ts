import { randomUUID } from 'node:crypto';
import { hash } from 'bcrypt';
import { auth, Client, types } from 'cassandra-driver';
import { DATA_CENTER, type Store } from './store.ts';

export interface FirstAdmin {
  readonly email: string;
  readonly password: string;
  readonly bcryptCost: number;
  readonly keyspacePrefix?: string | undefined;
}

/**
 * Makes the first admin, once: an account that is there keeps its password. A run that was cut off is finished by the next.
 * Resolves to true if it was made now.
 */
export async function ensureFirstAdmin(
  store: Pick<Store, 'contactPoint' | 'secrets'>,
  admin: FirstAdmin,
): Promise<boolean> {
  const keyspace = `${admin.keyspacePrefix ?? ''}users`;
  const client = new Client({
    contactPoints: [store.contactPoint],
    localDataCenter: DATA_CENTER,
    keyspace,
    authProvider: new auth.PlainTextAuthProvider(keyspace, store.secrets.rolePasswords.users),
    queryOptions: { prepare: true, consistency: types.consistencies.localQuorum },
    pooling: { coreConnectionsPerHost: { [types.distance.local]: 1 } },
    monitorReporting: { enabled: false },
  });
  try {
    const find = 'SELECT user_id, name, role, created_at FROM credentials WHERE email = ?';
    const findUserId = async () => (await client.execute(find, [admin.email])).first();
    let row = await findUserId();
    const isMade = row === null;
    if (isMade) {
      await client.execute(
        'INSERT INTO credentials (email, user_id, password_hash, name, role, created_at) VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS',
        [admin.email, randomUUID(), await hash(admin.password, admin.bcryptCost), 'Admin', 'admin', new Date()],
      );
      row = await findUserId();
    }
    await client.execute(
      "INSERT INTO users (user_id, email, name, role, status, version, created_at) VALUES (?, ?, ?, ?, 'active', 1, ?) IF NOT EXISTS",
      [row?.get('user_id'), admin.email, row?.get('name'), row?.get('role'), row?.get('created_at')],
    );
    return isMade;
  } finally {
    await client.shutdown();
  }
}
