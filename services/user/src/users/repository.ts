import { types } from 'cassandra-driver';
import type { Database, Row } from '#platform/cassandra/database.ts';
import { toLong } from '#platform/cassandra/values.ts';
import { cutPage, type TimePosition } from '#platform/page.ts';
import type { Credentials, User } from './user.ts';

export interface UserPage {
  readonly users: readonly User[];
  /** Where to go on; undefined at the end. */
  readonly next: TimePosition | undefined;
}

export interface UserRepository {
  /** Takes the address for its owner, once; false when somebody else has it. */
  claim(credentials: Credentials): Promise<boolean>;
  findCredentials(email: string): Promise<Credentials | undefined>;
  /** Puts `newHash` in the place of `oldHash`; false, and nothing done, when the password has been changed meanwhile. */
  replaceHash(email: string, oldHash: string, newHash: string): Promise<boolean>;
  /** Adds the user unless it is there, and gives what is there. */
  add(user: User): Promise<User>;
  find(userId: string): Promise<User | undefined>;
  /** The user as the last conditional write left it: what a change begins with. */
  findLatest(userId: string): Promise<User | undefined>;
  /** Puts `next`, one version on, in the place of `user`; false, and nothing done, when it has been changed meanwhile. */
  replace(user: User, next: User): Promise<boolean>;
  /** Newest first, in one read. Each user is shown as it is, one whose change was cut off too. */
  list(limit: number, after: TimePosition | undefined): Promise<UserPage>;
  /** Takes the users from before there was a list into it, once. */
  takeIntoList(): Promise<void>;
}

const CLAIM = `INSERT INTO credentials (email, user_id, password_hash, name, role, created_at)
  VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS`;
const FIND_CREDENTIALS =
  'SELECT email, user_id, password_hash, name, role, created_at FROM credentials WHERE email = ?';
const REPLACE_HASH = 'UPDATE credentials SET password_hash = ? WHERE email = ? IF password_hash = ?';
const COLUMNS = 'user_id, email, name, role, status, version, created_at';
const ADD = `INSERT INTO users (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS`;
const FIND = `SELECT ${COLUMNS} FROM users WHERE user_id = ?`;
const REPLACE = 'UPDATE users SET name = ?, role = ?, status = ?, version = ? WHERE user_id = ? IF version = ?';
const NOTE = `UPDATE users_by_newest USING TIMESTAMP ? SET noted_version = ?
  WHERE list = 'all' AND created_at = ? AND user_id = ?`;
const PROJECT = `INSERT INTO users_by_newest (list, ${COLUMNS}) VALUES ('all', ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?`;
const IS_TAKEN_IN = "SELECT list FROM users_by_newest WHERE list = 'taken in'";
const TAKEN_IN = "INSERT INTO users_by_newest (list, created_at, user_id) VALUES ('taken in', ?, ?)";
/** Rows that the walk over all users reads at once. */
const WALK_STEP = 500;

export function createUserRepository(database: Database): UserRepository {
  async function find(userId: string, options = {}): Promise<User | undefined> {
    const [row] = await database.read('users.find', FIND, [types.Uuid.fromString(userId)], options);
    return row && toUser(row);
  }

  const findLatest = (userId: string) => find(userId, { serial: true });

  /** Comes before the user's row is written, so that a list whose row stays behind can tell. */
  async function note({ userId, version, createdAt }: User): Promise<void> {
    const params = [stamp(createdAt, version), version, createdAt, types.Uuid.fromString(userId)];
    await database.write('users_by_newest.note', NOTE, params);
  }

  async function project(user: User): Promise<void> {
    await database.write('users_by_newest.write', PROJECT, [...toColumns(user), stamp(user.createdAt, user.version)]);
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
        { query: CLAIM, params: [email, types.Uuid.fromString(userId), passwordHash, name, role, createdAt] },
      ]);
      // Without an answer the claim is sent again and then finds itself.
      return outcome.applied || String(outcome.rows[0]?.user_id) === userId;
    },

    async findCredentials(email) {
      const [row] = await database.read('credentials.find', FIND_CREDENTIALS, [email]);
      return row && { ...toIdentity(row), passwordHash: row.password_hash };
    },

    async replaceHash(email, oldHash, newHash) {
      const outcome = await database.conditional('credentials.replace_hash', [
        { query: REPLACE_HASH, params: [newHash, email, oldHash] },
      ]);
      // A hash has its own salt: whoever finds it wrote it.
      return outcome.applied || outcome.rows[0]?.password_hash === newHash;
    },

    async add(user) {
      await note(user);
      const outcome = await database.conditional('users.add', [{ query: ADD, params: toColumns(user) }]);
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
        { query: REPLACE, params: [name, role, status, version, types.Uuid.fromString(userId), user.version] },
      ]);
      // Without an answer it is sent again and then finds itself, or somebody else who wrote the same.
      if (!outcome.applied && !(outcome.uncertain && isSame(await findLatest(userId), next))) return false;
      await project(next);
      return true;
    },

    async list(limit, after) {
      const from = after ? 'AND (created_at, user_id) < (?, ?) ' : '';
      const rows = await database.read(
        'users_by_newest.list',
        `SELECT ${COLUMNS}, noted_version FROM users_by_newest WHERE list = 'all' ${from}LIMIT ?`,
        [...(after ? [after.at, types.Uuid.fromString(after.id)] : []), limit + 1],
      );
      const { page, last } = cutPage(rows, limit);
      const users = await Promise.all(page.map(toCurrent));
      return {
        // A registration that was cut off has no user yet.
        users: users.filter((user) => user !== undefined),
        next: last && { at: last.created_at, id: String(last.user_id) },
      };
    },

    async takeIntoList() {
      const [isTakenIn] = await database.read('users_by_newest.is_taken_in', IS_TAKEN_IN, []);
      if (isTakenIn) return;
      let rows: Row[] = [];
      do {
        const from = rows.length > 0 ? 'WHERE token(user_id) > token(?) ' : '';
        rows = await database.read('users.walk', `SELECT ${COLUMNS} FROM users ${from}LIMIT ?`, [
          ...(rows.length > 0 ? [rows.at(-1)?.user_id] : []),
          WALK_STEP,
        ]);
        await Promise.all(rows.map((row) => project(toUser(row))));
      } while (rows.length === WALK_STEP);
      await database.write('users_by_newest.taken_in', TAKEN_IN, [new Date(0), types.Uuid.random()]);
    },
  };
}

/** The later version of a row wins, whichever is written last. */
function stamp(createdAt: Date, version: number): ReturnType<typeof toLong> {
  return toLong(createdAt.getTime() * 1000 + version);
}

function toColumns({ userId, email, name, role, status, version, createdAt }: User): unknown[] {
  return [types.Uuid.fromString(userId), email, name, role, status, version, createdAt];
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
