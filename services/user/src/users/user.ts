export type Role = 'user' | 'admin';
export type Status = 'active' | 'disabled';

export interface User {
  readonly userId: string;
  /** As `normalizeEmail` gives it. */
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly status: Status;
  /** One more with each change. */
  readonly version: number;
  readonly createdAt: Date;
}

/** An address that is taken, by whom, and the password that proves it. Carries all that the user is made of. */
export interface Credentials extends Omit<User, 'status' | 'version'> {
  readonly passwordHash: string;
}

const MAX_EMAIL = 254;
const MAX_LOCAL_PART = 64;
const LOCAL_PART = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(?:\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u;
const DOMAIN = /^(?:[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}])?\.)+[\p{L}\p{M}\p{N}-]{2,63}$/u;

/** One spelling for each address. The local part is lowered too: nobody means two people by its case. */
export function normalizeEmail(text: string): string {
  return text.normalize('NFKC').trim().toLowerCase().normalize('NFKC');
}

/** True for a normalized address that could get mail: dot-atoms, international ones too (RFC 5321, RFC 6531). */
export function isEmail(email: string): boolean {
  const at = email.lastIndexOf('@');
  const localPart = email.slice(0, at);
  return (
    at > 0 &&
    email.length <= MAX_EMAIL &&
    localPart.length <= MAX_LOCAL_PART &&
    LOCAL_PART.test(localPart) &&
    DOMAIN.test(email.slice(at + 1))
  );
}

const MAX_NAME = 100;

/** True for a trimmed name of 1 to 100 characters on one line. */
export function isName(name: string): boolean {
  const length = [...name].length;
  return length >= 1 && length <= MAX_NAME && !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(name);
}

export function toUser({ userId, email, name, role, createdAt }: Credentials): User {
  return { userId, email, name, role, status: 'active', version: 1, createdAt };
}

/** What an admin may change of a user. */
export interface UserChange {
  readonly role?: Role | undefined;
  readonly status?: Status | undefined;
}

/** True for who can act as an admin. */
export function isActiveAdmin({ role, status }: Pick<User, 'role' | 'status'>): boolean {
  return role === 'admin' && status === 'active';
}

/** True for a change after which nobody may go on with what was issued before. */
export function endsSessions({ role, status }: UserChange): boolean {
  return role === 'user' || status === 'disabled';
}
