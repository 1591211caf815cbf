import pLimit from 'p-limit';
import { type Unauthorized, Unavailable } from '#platform/errors.ts';
import { createKeyedLimit } from '#platform/keyed-limit.ts';
import type { LoginThrottle } from '../logins/service.ts';
import type { RevocationRepository } from '../revocations/repository.ts';
import type { Proof, UserService } from '../users/service.ts';
import type { User } from '../users/user.ts';
import type { RefreshToken, RefreshTokens } from './refresh-token.ts';
import { invalidCredentials, invalidRefreshToken, wrongCurrentPassword } from './refusals.ts';
import type { SessionRepository } from './repository.ts';
import { isCurrent, isSpent, type Session, secondsToLive } from './session.ts';

/** Sessions of one user that are ended at the same time. */
const END_CONCURRENCY = 16;

export const LOGIN_OUTCOMES = ['succeeded', 'refused', 'throttled'] as const;
export type LoginOutcome = (typeof LOGIN_OUTCOMES)[number];

export const REFRESH_OUTCOMES = ['refreshed', 'refused', 'reused'] as const;
export type RefreshOutcome = (typeof REFRESH_OUTCOMES)[number];

export interface TokenPair {
  readonly accessToken: string;
  readonly refreshToken: string;
}

export interface Login {
  readonly email: string;
  readonly password: string;
  readonly ip: string;
}

export interface PasswordChange {
  readonly userId: string;
  /** The one session that goes on. */
  readonly sessionId: string;
  readonly ip: string;
  readonly currentPassword: string;
  readonly newPassword: string;
}

export interface SessionService {
  /** Throws Unauthorized `invalid_credentials`, the same for every cause, TooManyRequests `too_many_attempts` and Unavailable `busy`. */
  login(login: Login): Promise<TokenPair>;
  /**
   * Exchanges a refresh token, which is spent then. A token that was already spent ends its session with all its tokens (RFC 9700
   * §4.14.2): either it or the newer one is in wrong hands, and nobody can tell which. Throws Unauthorized `invalid_refresh_token`.
   */
  refresh(refreshToken: string): Promise<TokenPair>;
  /**
   * Ends the token's session, if it has one. A spent token ends it too: refreshing with it would have done the same, and its finder can
   * do no worse.
   */
  logout(refreshToken: string): Promise<void>;
  /**
   * Changes the password and ends all other sessions of the user. Throws Forbidden `invalid_credentials` for a wrong current password,
   * which counts as a failed sign-in, TooManyRequests `too_many_attempts`, and Unavailable `busy`, with nothing done. One change of a
   * user at a time.
   */
  changePassword(change: PasswordChange): Promise<void>;
  /** Ends every session that the user had, or had begun to open, when it was called. */
  endAll(userId: string): Promise<void>;
}

export interface SessionParts {
  readonly users: UserService;
  readonly sessions: SessionRepository;
  readonly revocations: RevocationRepository;
  readonly throttle: LoginThrottle;
  readonly refreshTokens: RefreshTokens;
  readonly now: () => Date;
  issueAccessToken(user: User, sessionId: string): string;
  countLogin(outcome: LoginOutcome): void;
  countRefresh(outcome: RefreshOutcome): void;
  /** Told of a session that was ended because a spent token was used again. */
  warnOfReuse(session: Session, token: RefreshToken): void;
}

export function createSessionService(parts: SessionParts): SessionService {
  const { users, sessions, revocations, throttle, refreshTokens, now } = parts;
  const { issueAccessToken, countLogin, countRefresh, warnOfReuse } = parts;
  const oneByOne = createKeyedLimit(1);

  async function login({ email, password, ip }: Login): Promise<TokenPair> {
    await throttle.assertAllowed(email, ip);
    for (;;) {
      const proof = await users.authenticate(email, password);
      if (!proof) {
        await throttle.noteFailure(email, ip);
        countLogin('refused');
        throw invalidCredentials();
      }
      await throttle.noteSuccess(email, ip);
      const pair = await open(proof);
      if (!pair) continue;
      countLogin('succeeded');
      return pair;
    }
  }

  /** Undefined, with nothing open, when what the proof says has changed meanwhile. */
  async function open(proof: Proof): Promise<TokenPair | undefined> {
    const { user } = proof;
    const { userId } = user;
    const createdAt = now();
    const token = refreshTokens.create(crypto.randomUUID());
    const { sessionId, familyHash, generation, hash: currentHash } = token;
    const session: Session = { sessionId, userId, familyHash, currentHash, generation, isRevoked: false, createdAt };
    await sessions.open(session, secondsToLive(createdAt, createdAt));
    // Whoever ends all sessions from now on finds this one; whoever did so before it could be found has changed what is compared here.
    if (!(await users.isCurrent(proof))) {
      await end(session);
      return undefined;
    }
    return { accessToken: issueAccessToken(user, sessionId), refreshToken: token.text };
  }

  async function refresh(text: string): Promise<TokenPair> {
    const token = refreshTokens.read(text);
    const session = token && (await findLiving(token.sessionId));
    if (!session) throw refused();
    if (isSpent(session, token)) throw await reused(session, token);
    if (!isCurrent(session, token)) throw refused();
    const user = await users.findActive(session.userId);
    if (!user) throw refused();

    const next = refreshTokens.createNext(text);
    if (!(await exchange(session, next))) throw await reused(session, token);
    countRefresh('refreshed');
    return { accessToken: issueAccessToken(user, session.sessionId), refreshToken: next.text };
  }

  /** False when the token was exchanged before. */
  async function exchange(session: Session, next: RefreshToken): Promise<boolean> {
    try {
      return await sessions.rotate(session, next.hash, secondsToLive(session.createdAt, now()));
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      // The exchange may have been made: then the owner, told to retry with a spent token, would be taken for a thief.
      const found = await findLiving(session.sessionId);
      if (!found || !isCurrent(found, next)) throw error;
      return true;
    }
  }

  async function findLiving(sessionId: string): Promise<Session | undefined> {
    const session = await sessions.find(sessionId);
    const isLiving = session && !session.isRevoked && secondsToLive(session.createdAt, now()) > 0;
    return isLiving ? session : undefined;
  }

  function refused(): Unauthorized {
    countRefresh('refused');
    return invalidRefreshToken();
  }

  async function reused(session: Session, token: RefreshToken): Promise<Unauthorized> {
    countRefresh('reused');
    if (await end(session)) warnOfReuse(session, token);
    return invalidRefreshToken();
  }

  async function logout(text: string): Promise<void> {
    const token = refreshTokens.read(text);
    const session = token && (await findLiving(token.sessionId));
    if (session && (isCurrent(session, token) || isSpent(session, token))) await end(session);
  }

  /** True for the one call that ended it. Access tokens first: if it is cut off between the two, everything is done again. */
  async function end(session: Session): Promise<boolean> {
    const endedAt = now();
    await revocations.revokeSession(session.sessionId, endedAt);
    return sessions.revoke(session, Math.max(1, secondsToLive(session.createdAt, endedAt)));
  }

  async function endAll(userId: string, keptSessionId?: string): Promise<void> {
    const sessionIds = await sessions.listOf(userId);
    const others = sessionIds.filter((sessionId) => sessionId !== keptSessionId);
    await pLimit(END_CONCURRENCY).map(others, async (sessionId) => {
      // One that isn't open yet is checked by whoever opens it.
      const session = await findLiving(sessionId);
      if (session) await end(session);
    });
  }

  async function changePassword(change: PasswordChange): Promise<void> {
    const { userId, sessionId, ip, currentPassword, newPassword } = change;
    const { email } = await users.getProfile(userId);
    await throttle.assertAllowed(email, ip);
    for (;;) {
      const proof = await users.authenticate(email, currentPassword);
      if (!proof) {
        await throttle.noteFailure(email, ip);
        throw wrongCurrentPassword();
      }
      await throttle.noteSuccess(email, ip);
      // First, since it may be refused, and then no session has ended.
      const newHash = await users.hashPassword(newPassword);
      // Once before, so that no crash leaves them; and once after, for those that the old password opened meanwhile.
      await endAll(userId, sessionId);
      if (!(await users.replacePassword(proof, newHash))) continue;
      return endAll(userId, sessionId);
    }
  }

  return {
    login,
    refresh,
    logout,
    changePassword: (change) => oneByOne(change.userId, () => changePassword(change)),
    endAll: (userId) => endAll(userId),
  };
}
