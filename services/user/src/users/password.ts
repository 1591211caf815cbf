import { COMMON_PASSWORDS } from './common-passwords.ts';

const MIN_CHARACTERS = 8;
/** bcrypt reads no more; what came after would be no part of the password. */
const MAX_BYTES = 72;

/** What keeps `password` from being anybody's, so that it need not be checked against a hash: undefined when nothing does. */
export function unusablePassword(password: string): string | undefined {
  if (new TextEncoder().encode(password).length > MAX_BYTES) return `At most ${MAX_BYTES} bytes in UTF-8.`;
  if (password.includes('\0') || !password.isWellFormed()) return 'No NUL and no half characters.';
  return undefined;
}

/** What keeps `password` from being a new one: undefined when nothing does. */
export function weakPassword(password: string): string | undefined {
  if ([...password].length < MIN_CHARACTERS) return `At least ${MIN_CHARACTERS} characters.`;
  if (COMMON_PASSWORDS.has(password.toLowerCase())) return 'This is one of the commonest passwords.';
  return unusablePassword(password);
}
