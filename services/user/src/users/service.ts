import { Unauthorized, Unavailable } from '#platform/errors.ts';
import type { AdminRepository } from '../admins/repository.ts';
import type { PasswordHasher } from './password-hasher.ts';
import { emailTaken } from './refusals.ts';
import type { UserRepository } from './repository.ts';
import { type Credentials, isActiveAdmin, toUser, type User } from './user.ts';

export interface Registration {
  readonly email: string;
  readonly password: string;
  readonly name: string;
}

/** A user who gave the right password, as both were at that moment. */
export interface Proof {
  readonly user: User;
  readonly passwordHash: string;
}

export interface UserService {
  /** Throws Conflict `email_taken` and Unavailable `busy`. A claimed address is an account: the next sign-in adds what is missing. */
  register(registration: Registration): Promise<User>;
  /** The active user with this password; undefined in every other case, after the same work. Throws Unavailable `busy`. */
  authenticate(email: string, password: string): Promise<Proof | undefined>;
  /** False when the password, the role or the status has changed since. */
  isCurrent(proof: Proof): Promise<boolean>;
  /** Throws Unavailable `busy`. */
  hashPassword(password: string): Promise<string>;
  /** False, with nothing done, when the password has changed since. */
  replacePassword(proof: Proof, newHash: string): Promise<boolean>;
  /** The user, if it exists and may sign in. */
  findActive(userId: string): Promise<User | undefined>;
  /** Throws Unauthorized if the token's user doesn't exist. */
  getProfile(userId: string): Promise<User>;
  /** Throws Unauthorized if the token's user doesn't exist. */
  rename(userId: string, name: string): Promise<User>;
}

export interface UserParts {
  readonly users: UserRepository;
  readonly admins: AdminRepository;
  readonly passwords: PasswordHasher;
  readonly now: () => Date;
  countRegistration(): void;
}

export function createUserService(parts: UserParts): UserService {
  const { users, admins, passwords, now, countRegistration } = parts;

  async function findActive(userId: string): Promise<User | undefined> {
    const user = await users.find(userId);
    return user?.status === 'active' ? user : undefined;
  }

  async function getProfile(userId: string): Promise<User> {
    const user = await users.find(userId);
    if (!user) throw new Unauthorized();
    return user;
  }

  /** Returns the stored hash, as far as this call knows. */
  async function renewHash({ email, passwordHash }: Credentials, password: string): Promise<string> {
    try {
      const renewed = await passwords.hash(password);
      return (await users.replaceHash(email, passwordHash, renewed)) ? renewed : passwordHash;
    } catch (error) {
      // The password was right; renewing its hash can wait until the next sign-in.
      if (!(error instanceof Unavailable)) throw error;
      return passwordHash;
    }
  }

  return {
    async register({ email, password, name }) {
      // Saves the work of a hash; the claim below decides.
      if (await users.findCredentials(email)) throw emailTaken();
      const passwordHash = await passwords.hash(password);
      const credentials: Credentials = {
        userId: crypto.randomUUID(),
        email,
        name,
        role: 'user',
        createdAt: now(),
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
      // Completes what a crash left out.
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
