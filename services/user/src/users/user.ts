export const ROLES = ['user', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export const STATUSES = ['active', 'disabled'] as const;
export type Status = (typeof STATUSES)[number];

export interface User {
  readonly userId: string;
  /** As returned by `normalizeEmail`. */
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly status: Status;
  /** One more with each change. */
  readonly version: number;
  readonly createdAt: Date;
}

/** A claimed address, its owner, and the password that proves it. Holds everything that the user's row is made from. */
export interface Credentials extends Omit<User, 'status' | 'version'> {
  readonly passwordHash: string;
}

const MAX_EMAIL_LENGTH = 254;
const MAX_LOCAL_PART_LENGTH = 64;
const LOCAL_PART = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(?:\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u;
const DOMAIN = /^(?:[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}])?\.)+[\p{L}\p{M}\p{N}-]{2,63}$/u;

/** One spelling for each address. The local part is lower-cased too: no two people differ by its case alone. */
export function normalizeEmail(text: string): string {
  return text.normalize('NFKC').trim().toLowerCase().normalize('NFKC');
}

/** True for a normalized address that could receive mail: dot-atoms, international ones too (RFC 5321, RFC 6531). */
export function isEmail(email: string): boolean {
  const at = email.lastIndexOf('@');
  const localPart = email.slice(0, at);
  return (
    at > 0 &&
    email.length <= MAX_EMAIL_LENGTH &&
    localPart.length <= MAX_LOCAL_PART_LENGTH &&
    LOCAL_PART.test(localPart) &&
    DOMAIN.test(email.slice(at + 1))
  );
}

const MAX_NAME_LENGTH = 100;

/** True for a trimmed name of 1 to 100 characters on one line. */
export function isName(name: string): boolean {
  const length = [...name].length;
  return length >= 1 && length <= MAX_NAME_LENGTH && !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(name);
}

export function toUser({ userId, email, name, role, createdAt }: Credentials): User {
  return { userId, email, name, role, status: 'active', version: 1, createdAt };
}

/** What an admin may change of a user. */
export interface UserChange {
  readonly role?: Role | undefined;
  readonly status?: Status | undefined;
}

/** True for a user who may act as an admin. */
export function isActiveAdmin({ role, status }: Pick<User, 'role' | 'status'>): boolean {
  return role === 'admin' && status === 'active';
}

/** True for a change that invalidates all tokens issued before it. */
export function endsSessions({ role, status }: UserChange): boolean {
  return role === 'user' || status === 'disabled';
}
