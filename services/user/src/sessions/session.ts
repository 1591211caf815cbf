/** All that descends from one sign-in: a line of refresh tokens of which the newest alone is good. Its id is the session's. */
export interface Session {
  readonly sessionId: string;
  readonly userId: string;
  /** SHA-256 of the secret that all refresh tokens of the session share. */
  readonly familyHash: string;
  /** SHA-256 of the one good refresh token. */
  readonly currentHash: string;
  /** How often the token has been exchanged. */
  readonly generation: number;
  readonly isRevoked: boolean;
  readonly createdAt: Date;
}

const DAY = 24 * 60 * 60;
/** Seconds after which an unused refresh token ends. */
const IDLE = 14 * DAY;
/** Seconds after which a session ends however much it was used (RFC 9700 §4.14.2). */
export const LONGEST_SESSION = 30 * DAY;

/** Seconds that a refresh token made at `now` lives; none or fewer when the session is over. */
export function secondsToLive(createdAt: Date, now: Date): number {
  const left = LONGEST_SESSION - Math.floor((now.getTime() - createdAt.getTime()) / 1000);
  return Math.min(IDLE, left);
}

/** True for the session's one good token. */
export function isCurrent({ currentHash }: Session, token: { readonly hash: string }): boolean {
  return token.hash === currentHash;
}

/** True for an earlier token of the session. The session's id proves nothing: it stands in every access token. */
export function isSpent(
  { familyHash, generation }: Session,
  token: Pick<Session, 'familyHash' | 'generation'>,
): boolean {
  return token.familyHash === familyHash && token.generation < generation;
}
