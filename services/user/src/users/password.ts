import { COMMON_PASSWORDS } from './common-passwords.ts';

const MIN_CHARACTERS = 8;
/** bcrypt reads no more; anything after it would not be part of the password. */
const MAX_BYTES = 72;

/** Why `password` can't be anybody's, so that no hash need be checked; undefined if it can. */
export function unusablePassword(password: string): string | undefined {
  if (new TextEncoder().encode(password).length > MAX_BYTES) return `At most ${MAX_BYTES} bytes in UTF-8.`;
  if (password.includes('\0') || !password.isWellFormed()) return 'No NUL and no half of a surrogate pair.';
  return undefined;
}

/** Why `password` can't be a new one; undefined if it can. */
export function weakPassword(password: string): string | undefined {
  if ([...password].length < MIN_CHARACTERS) return `At least ${MIN_CHARACTERS} characters.`;
  if (COMMON_PASSWORDS.has(password.toLowerCase())) return 'This is one of the most common passwords.';
  return unusablePassword(password);
}
