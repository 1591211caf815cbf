import { Conflict, Unauthorized, Unavailable } from '#platform/errors.ts';
import type { PasswordHasher } from './password-hasher.ts';
import type { UserRepository } from './repository.ts';
import { type Credentials, toUser, type User } from './user.ts';

export interface Registration {
  readonly email: string;
  readonly password: string;
  readonly name: string;
}

export interface Users {
  /** Throws Conflict `email_taken`. Once the address is claimed the account exists: the next sign-in writes what is missing. */
  register(registration: Registration): Promise<User>;
  /** The active user with this password; undefined for every other case, after the same work. Throws Unavailable `busy`. */
  authenticate(email: string, password: string): Promise<User | undefined>;
  /** Undefined unless there is such a user and it may sign in. */
  findActive(userId: string): Promise<User | undefined>;
  /** Throws Unauthorized where the token's user doesn't exist. */
  getProfile(userId: string): Promise<User>;
  rename(userId: string, name: string): Promise<User>;
}

export interface UsersParts {
  readonly users: UserRepository;
  readonly passwords: PasswordHasher;
  countRegistration(): void;
}

export function createUsers({ users, passwords, countRegistration }: UsersParts): Users {
  async function getProfile(userId: string): Promise<User> {
    const user = await users.find(userId);
    if (!user) throw new Unauthorized();
    return user;
  }

  async function renewHash({ email, passwordHash }: Credentials, password: string): Promise<void> {
    try {
      await users.replaceHash(email, passwordHash, await passwords.hash(password));
    } catch (error) {
      // The password was right; renewing its hash has time until the next sign-in.
      if (!(error instanceof Unavailable)) throw error;
    }
  }

  return {
    async register({ email, password, name }) {
      // Spares the hash; the claim below is what decides.
      if (await users.findCredentials(email)) throw emailTaken();
      const passwordHash = await passwords.hash(password);
      const credentials: Credentials = {
        userId: crypto.randomUUID(),
        email,
        name,
        role: 'user',
        createdAt: new Date(),
        passwordHash,
      };
      if (!(await users.claim(credentials))) throw emailTaken();
      const user = await users.add(toUser(credentials));
      countRegistration();
      return user;
    },

    async authenticate(email, password) {
      const credentials = await users.findCredentials(email);
      const isRight = await passwords.verify(password, credentials?.passwordHash);
      if (!credentials || !isRight) return undefined;

      if (passwords.isOutdated(credentials.passwordHash)) await renewHash(credentials, password);
      const user = (await users.find(credentials.userId)) ?? (await users.add(toUser(credentials)));
      return user.status === 'active' ? user : undefined;
    },

    async findActive(userId) {
      const user = await users.find(userId);
      return user?.status === 'active' ? user : undefined;
    },

    getProfile,

    async rename(userId, name) {
      if (!(await users.rename(userId, name))) throw new Unauthorized();
      return getProfile(userId);
    },
  };
}

function emailTaken(): Conflict {
  return new Conflict('email_taken', 'There is an account with this e-mail address already.');
}
