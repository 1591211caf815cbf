/** All that descends from one sign-in: a line of refresh tokens of which only the newest is valid. */
export interface Session {
  readonly sessionId: string;
  readonly userId: string;
  /** SHA-256 of the secret that all refresh tokens of the session share. */
  readonly familyHash: string;
  /** SHA-256 of the one valid refresh token. */
  readonly currentHash: string;
  /** How often the token has been exchanged. */
  readonly generation: number;
  readonly isRevoked: boolean;
  readonly createdAt: Date;
}

const DAY_SECONDS = 24 * 60 * 60;
/** A refresh token that isn't used ends after this time. */
const MAX_IDLE_SECONDS = 14 * DAY_SECONDS;
/** A session ends after this time however much it was used (RFC 9700 §4.14.2). */
export const MAX_SESSION_SECONDS = 30 * DAY_SECONDS;

/** Seconds that a refresh token made at `now` lives; none or fewer when the session is over. */
export function secondsToLive(createdAt: Date, now: Date): number {
  const left = MAX_SESSION_SECONDS - Math.floor((now.getTime() - createdAt.getTime()) / 1000);
  return Math.min(MAX_IDLE_SECONDS, left);
}

/** True for the session's one valid token. */
export function isCurrent({ currentHash }: Session, token: { readonly hash: string }): boolean {
  return token.hash === currentHash;
}

/** True for an earlier token of the session. The session's id proves nothing: every access token shows it. */
export function isSpent(
  { familyHash, generation }: Session,
  token: Pick<Session, 'familyHash' | 'generation'>,
): boolean {
  return token.familyHash === familyHash && token.generation < generation;
}
