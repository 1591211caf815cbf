import type { z } from 'zod';
import { createAdminAudit } from '#platform/admin-audit/audit.ts';
import { createAuditRepository } from '#platform/admin-audit/repository.ts';
import { adminAuditRoutes } from '#platform/admin-audit/routes.ts';
import { readSigningKeys, toPublicJwk } from '#platform/auth/keys.ts';
import { issueUserToken } from '#platform/auth/user-token.ts';
import { createCursorCodec } from '#platform/http/cursor.ts';
import type { Platform, ServiceParts } from '#platform/service.ts';
import { createAdminRepository } from './admins/repository.ts';
import { adminRoutes } from './admins/routes.ts';
import { createAdminService } from './admins/service.ts';
import type { UserConfig } from './config.ts';
import { createFailureRepository } from './logins/repository.ts';
import { createLoginThrottle } from './logins/service.ts';
import { createRevocationRepository } from './revocations/repository.ts';
import { revocationRoutes } from './revocations/routes.ts';
import { refreshTokens } from './sessions/refresh-token.ts';
import { createSessionRepository } from './sessions/repository.ts';
import { keyRoutes, sessionRoutes } from './sessions/routes.ts';
import type { KeysBody } from './sessions/schema.ts';
import { createSessionService, LOGIN_OUTCOMES, REFRESH_OUTCOMES } from './sessions/service.ts';
import { createPasswordHasher } from './users/password-hasher.ts';
import { createUserRepository } from './users/repository.ts';
import { userRoutes } from './users/routes.ts';
import { createUserService } from './users/service.ts';

/** Joins the parts of the user service: accounts, sessions, and which tokens are no longer valid. */
export function assembleUser({ database, metrics, logger }: Platform, config: UserConfig): ServiceParts {
  const registrations = metrics.counter('user_registrations_total', 'Accounts opened.');
  const logins = metrics.counter('logins_total', 'Sign-in attempts.', ['outcome'], LOGIN_OUTCOMES);
  const refreshes = metrics.counter('token_refreshes_total', 'Refresh tokens used.', ['outcome'], REFRESH_OUTCOMES);
  const now = () => new Date();
  const signingKeys = readSigningKeys(config.USER_SIGNING_KEYS_FILE);
  const cursors = createCursorCodec(config.CURSOR_SECRET);
  const userRepository = createUserRepository(database);
  const adminRepository = createAdminRepository(database);
  const revocations = createRevocationRepository(database, now);
  const audit = createAdminAudit({ lines: createAuditRepository(database), logger });

  const users = createUserService({
    users: userRepository,
    admins: adminRepository,
    passwords: createPasswordHasher(config.BCRYPT_COST, metrics),
    now,
    countRegistration: () => registrations.inc(),
  });
  const sessions = createSessionService({
    users,
    sessions: createSessionRepository(database),
    revocations,
    throttle: createLoginThrottle({
      failures: createFailureRepository(database),
      now,
      countThrottled: () => logins.inc({ outcome: 'throttled' }),
    }),
    refreshTokens,
    now,
    issueAccessToken: ({ userId, role }, sessionId) => issueUserToken({ userId, sessionId, role }, signingKeys[0]),
    countLogin: (outcome) => logins.inc({ outcome }),
    countRefresh: (outcome) => refreshes.inc({ outcome }),
    warnOfReuse: ({ sessionId, userId, generation }, used) =>
      logger.warn('refresh_reuse', 'A spent refresh token was used again; its session was ended.', {
        sessionId,
        sessionUserId: userId,
        generation,
        usedGeneration: used.generation,
      }),
  });
  const admins = createAdminService({ users: userRepository, admins: adminRepository, sessions, audit });
  const keys = { keys: signingKeys.map(toPublicJwk) } as z.output<typeof KeysBody>;

  return {
    routes: [
      ...userRoutes(users),
      ...sessionRoutes(sessions),
      ...adminRoutes(admins, cursors),
      ...adminAuditRoutes(audit, ['user'], cursors),
      ...keyRoutes(keys),
      ...revocationRoutes(revocations),
    ],
    listRevocations: (since) => revocations.list(since),
  };
}
