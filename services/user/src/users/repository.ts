import type { Database, Row } from '#platform/cassandra/database.ts';
import { toLong } from '#platform/cassandra/values.ts';
import { cutPage, type TimePosition } from '#platform/page.ts';
import type { Credentials, User } from './user.ts';

export interface UserPage {
  readonly users: readonly User[];
  /** Where the next page begins; undefined at the end. */
  readonly next: TimePosition | undefined;
}

export interface UserRepository {
  /** Takes the address for its owner, once; false when somebody else has it. */
  claim(credentials: Credentials): Promise<boolean>;
  findCredentials(email: string): Promise<Credentials | undefined>;
  /** Replaces `oldHash` with `newHash`; false, with nothing done, when the password has changed meanwhile. */
  replaceHash(email: string, oldHash: string, newHash: string): Promise<boolean>;
  /** Adds the user unless it is there, and returns the stored one. */
  add(user: User): Promise<User>;
  find(userId: string): Promise<User | undefined>;
  /** The user as the last conditional write left it: what a change begins with. */
  findLatest(userId: string): Promise<User | undefined>;
  /** Replaces `user` with `next`, one version on; false, with nothing done, when it has changed meanwhile. */
  replace(user: User, next: User): Promise<boolean>;
  /** Newest first, in one read. Each user is shown as it is, even after a change that was cut off. */
  list(limit: number, after: TimePosition | undefined): Promise<UserPage>;
}

const COLUMNS = 'user_id, email, name, role, status, version, created_at';

export function createUserRepository(database: Database): UserRepository {
  async function find(userId: string, options: { serial?: boolean } = {}): Promise<User | undefined> {
    const query = `SELECT ${COLUMNS} FROM users WHERE user_id = ?`;
    const [row] = await database.read('users.find', query, [userId], options);
    return row && toUser(row);
  }

  const findLatest = (userId: string) => find(userId, { serial: true });

  /** Comes before the write of the user's row, and so tells when the row of the list is behind. */
  async function note({ userId, version, createdAt }: User): Promise<void> {
    await database.write(
      'users_by_newest.note',
      `UPDATE users_by_newest USING TIMESTAMP ? SET noted_version = ?
        WHERE list = 'all' AND created_at = ? AND user_id = ?`,
      [stamp(createdAt, version), version, createdAt, userId],
    );
  }

  async function project(user: User): Promise<void> {
    await database.write(
      'users_by_newest.write',
      `INSERT INTO users_by_newest (list, ${COLUMNS}) VALUES ('all', ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?`,
      [...toColumns(user), stamp(user.createdAt, user.version)],
    );
  }

  async function toCurrent(row: Row): Promise<User | undefined> {
    if ((row.noted_version ?? 0) <= (row.version ?? 0)) return toUser(row);
    const user = await findLatest(String(row.user_id));
    if (user) await project(user);
    return user;
  }

  return {
    async claim({ email, userId, passwordHash, name, role, createdAt }) {
      const outcome = await database.conditional('credentials.claim', [
        {
          query: `INSERT INTO credentials (email, user_id, password_hash, name, role, created_at)
            VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS`,
          params: [email, userId, passwordHash, name, role, createdAt],
        },
      ]);
      // A claim without an answer is sent again, and then finds itself.
      return outcome.applied || String(outcome.rows[0]?.user_id) === userId;
    },

    async findCredentials(email) {
      const query = 'SELECT email, user_id, password_hash, name, role, created_at FROM credentials WHERE email = ?';
      const [row] = await database.read('credentials.find', query, [email]);
      return row && { ...toIdentity(row), passwordHash: row.password_hash };
    },

    async replaceHash(email, oldHash, newHash) {
      const outcome = await database.conditional('credentials.replace_hash', [
        {
          query: 'UPDATE credentials SET password_hash = ? WHERE email = ? IF password_hash = ?',
          params: [newHash, email, oldHash],
        },
      ]);
      // A hash has its own salt: whoever finds it wrote it.
      return outcome.applied || outcome.rows[0]?.password_hash === newHash;
    },

    async add(user) {
      await note(user);
      const outcome = await database.conditional('users.add', [
        { query: `INSERT INTO users (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS`, params: toColumns(user) },
      ]);
      const [existing] = outcome.applied ? [] : outcome.rows;
      const added = existing ? toUser(existing) : user;
      await project(added);
      return added;
    },

    find: (userId) => find(userId),
    findLatest,

    async replace(user, next) {
      const { userId, name, role, status, version } = next;
      await note(next);
      const outcome = await database.conditional('users.replace', [
        {
          query: 'UPDATE users SET name = ?, role = ?, status = ?, version = ? WHERE user_id = ? IF version = ?',
          params: [name, role, status, version, userId, user.version],
        },
      ]);
      // A write without an answer is sent again, and then finds itself, or somebody else's that wrote the same.
      if (!outcome.applied && !(outcome.uncertain && isSame(await findLatest(userId), next))) return false;
      await project(next);
      return true;
    },

    async list(limit, after) {
      const from = after ? 'AND (created_at, user_id) < (?, ?) ' : '';
      const rows = await database.read(
        'users_by_newest.list',
        `SELECT ${COLUMNS}, noted_version FROM users_by_newest WHERE list = 'all' ${from}LIMIT ?`,
        [...(after ? [after.at, after.id] : []), limit + 1],
      );
      const { page, last } = cutPage(rows, limit);
      const users = await Promise.all(page.map(toCurrent));
      return {
        // A registration that was cut off has no user yet.
        users: users.filter((user) => user !== undefined),
        next: last && { at: last.created_at, id: String(last.user_id) },
      };
    },
  };
}

/** The later version of a row wins, whichever is written last. */
function stamp(createdAt: Date, version: number): ReturnType<typeof toLong> {
  return toLong(createdAt.getTime() * 1000 + version);
}

function toColumns({ userId, email, name, role, status, version, createdAt }: User): unknown[] {
  return [userId, email, name, role, status, version, createdAt];
}

function isSame(found: User | undefined, { version, name, role, status }: User): boolean {
  return found?.version === version && found.name === name && found.role === role && found.status === status;
}

function toUser(row: Row): User {
  return { ...toIdentity(row), status: row.status, version: row.version };
}

function toIdentity(row: Row): Omit<User, 'status' | 'version'> {
  return {
    userId: String(row.user_id),
    email: row.email,
    name: row.name,
    role: row.role,
    createdAt: row.created_at,
  };
}
