import { types } from 'cassandra-driver';
import type { Database, Row } from '#platform/cassandra/database.ts';
import type { Credentials, User } from './user.ts';

export interface UserRepository {
  /** Takes the address for its owner, once; false when somebody else has it. */
  claim(credentials: Credentials): Promise<boolean>;
  findCredentials(email: string): Promise<Credentials | undefined>;
  /** Puts `newHash` in the place of `oldHash`; leaves a password that has been changed meanwhile. */
  replaceHash(email: string, oldHash: string, newHash: string): Promise<void>;
  /** Adds the user unless it is there, and gives what is there. */
  add(user: User): Promise<User>;
  find(userId: string): Promise<User | undefined>;
  /** False when there is no such user. */
  rename(userId: string, name: string): Promise<boolean>;
}

const CLAIM = `INSERT INTO credentials (email, user_id, password_hash, name, role, created_at)
  VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS`;
const FIND_CREDENTIALS =
  'SELECT email, user_id, password_hash, name, role, created_at FROM credentials WHERE email = ?';
const REPLACE_HASH = 'UPDATE credentials SET password_hash = ? WHERE email = ? IF password_hash = ?';
const ADD = `INSERT INTO users (user_id, email, name, role, status, version, created_at)
  VALUES (?, ?, ?, ?, ?, 1, ?) IF NOT EXISTS`;
const FIND = 'SELECT user_id, email, name, role, status, created_at FROM users WHERE user_id = ?';
const RENAME = 'UPDATE users SET name = ? WHERE user_id = ? IF EXISTS';

export function createUserRepository(database: Database): UserRepository {
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
      await database.conditional('credentials.replace_hash', [
        { query: REPLACE_HASH, params: [newHash, email, oldHash] },
      ]);
    },

    async add(user) {
      const { userId, email, name, role, status, createdAt } = user;
      const outcome = await database.conditional('users.add', [
        { query: ADD, params: [types.Uuid.fromString(userId), email, name, role, status, createdAt] },
      ]);
      const [existing] = outcome.applied ? [] : outcome.rows;
      return existing ? toUser(existing) : user;
    },

    async find(userId) {
      const [row] = await database.read('users.find', FIND, [types.Uuid.fromString(userId)]);
      return row && toUser(row);
    },

    async rename(userId, name) {
      const outcome = await database.conditional('users.rename', [
        { query: RENAME, params: [name, types.Uuid.fromString(userId)] },
      ]);
      return outcome.applied;
    },
  };
}

function toUser(row: Row): User {
  return { ...toIdentity(row), status: row.status };
}

function toIdentity(row: Row): Omit<User, 'status'> {
  return {
    userId: String(row.user_id),
    email: row.email,
    name: row.name,
    role: row.role,
    createdAt: row.created_at,
  };
}
