import { Unauthorized, Unavailable } from '#platform/errors.ts';
import type { CountedAdmins } from '../admins/repository.ts';
import type { PasswordHasher } from './password-hasher.ts';
import { emailTaken } from './refusals.ts';
import type { UserRepository } from './repository.ts';
import { type Credentials, isActiveAdmin, toUser, type User } from './user.ts';

export interface Registration {
  readonly email: string;
  readonly password: string;
  readonly name: string;
}

/** Who showed the right password, as both were then. */
export interface Proof {
  readonly user: User;
  readonly passwordHash: string;
}

export interface Users {
  /** Throws Conflict `email_taken`. Once the address is claimed the account exists: the next sign-in writes what is missing. */
  register(registration: Registration): Promise<User>;
  /** The active user with this password; undefined for every other case, after the same work. Throws Unavailable `busy`. */
  authenticate(email: string, password: string): Promise<Proof | undefined>;
  /** False when the password, the role or the access has changed since. */
  isCurrent(proof: Proof): Promise<boolean>;
  /** Throws Unavailable `busy`. */
  hashPassword(password: string): Promise<string>;
  /** False, and nothing done, when the password has changed since. */
  replacePassword(proof: Proof, newHash: string): Promise<boolean>;
  /** Undefined unless there is such a user and it may sign in. */
  findActive(userId: string): Promise<User | undefined>;
  /** Throws Unauthorized where the token's user doesn't exist. */
  getProfile(userId: string): Promise<User>;
  rename(userId: string, name: string): Promise<User>;
}

export interface UsersParts {
  readonly users: UserRepository;
  readonly admins: CountedAdmins;
  readonly passwords: PasswordHasher;
  countRegistration(): void;
}

export function createUsers({ users, admins, passwords, countRegistration }: UsersParts): Users {
  async function findActive(userId: string): Promise<User | undefined> {
    const user = await users.find(userId);
    return user?.status === 'active' ? user : undefined;
  }

  async function getProfile(userId: string): Promise<User> {
    const user = await users.find(userId);
    if (!user) throw new Unauthorized();
    return user;
  }

  /** Gives the hash that stands there, as far as this call knows. */
  async function renewHash({ email, passwordHash }: Credentials, password: string): Promise<string> {
    try {
      const renewed = await passwords.hash(password);
      return (await users.replaceHash(email, passwordHash, renewed)) ? renewed : passwordHash;
    } catch (error) {
      // The password was right; renewing its hash has time until the next sign-in.
      if (!(error instanceof Unavailable)) throw error;
      return passwordHash;
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

      const isOutdated = passwords.isOutdated(credentials.passwordHash);
      const passwordHash = isOutdated ? await renewHash(credentials, password) : credentials.passwordHash;
      const user = (await users.find(credentials.userId)) ?? (await users.add(toUser(credentials)));
      // Makes good what a crash left out, or a time before admins were counted.
      if (isActiveAdmin(user)) await admins.enter(user.userId, user.version);
      return user.status === 'active' ? { user, passwordHash } : undefined;
    },

    async isCurrent({ user, passwordHash }) {
      const [credentials, known] = await Promise.all([users.findCredentials(user.email), findActive(user.userId)]);
      return credentials?.passwordHash === passwordHash && known?.role === user.role;
    },

    hashPassword: (password) => passwords.hash(password),
    replacePassword: ({ user, passwordHash }, newHash) => users.replaceHash(user.email, passwordHash, newHash),

    findActive,
    getProfile,

    async rename(userId, name) {
      for (;;) {
        const user = await users.findLatest(userId);
        if (!user) throw new Unauthorized();
        const renamed = { ...user, name, version: user.version + 1 };
        if (await users.replace(user, renamed)) return renamed;
      }
    },
  };
}
