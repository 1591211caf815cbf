import type { z } from 'zod';
import { createAdminAudit } from '#platform/admin-audit/audit.ts';
import { createAuditRepository } from '#platform/admin-audit/repository.ts';
import { adminAuditRoutes } from '#platform/admin-audit/routes.ts';
import { readSigningKeys, toPublicJwk } from '#platform/auth/keys.ts';
import { issueUserToken } from '#platform/auth/user-token.ts';
import { createCursorCodec } from '#platform/http/cursor.ts';
import { createKeyedLimit } from '#platform/keyed-limit.ts';
import type { Platform, ServiceParts } from '#platform/service.ts';
import { throughOutages } from '#platform/through-outages.ts';
import { createCountedAdmins } from './admins/repository.ts';
import { userAdministrationRoutes } from './admins/routes.ts';
import { createUserAdministration } from './admins/service.ts';
import type { UserConfig } from './config.ts';
import { createFailureRepository } from './logins/repository.ts';
import { createLoginThrottle } from './logins/service.ts';
import { createRevocationRepository } from './revocations/repository.ts';
import { revocationRoutes } from './revocations/routes.ts';
import { refreshTokens } from './sessions/refresh-token.ts';
import { createSessionRepository } from './sessions/repository.ts';
import { keyRoutes, sessionRoutes } from './sessions/routes.ts';
import type { KeysBody } from './sessions/schema.ts';
import { createSessions } from './sessions/service.ts';
import { createPasswordHasher } from './users/password-hasher.ts';
import { createUserRepository } from './users/repository.ts';
import { userRoutes } from './users/routes.ts';
import { createUsers } from './users/service.ts';

/** Joins the parts of the user service: accounts, sessions, and who may no longer use which token. */
export async function assembleUser({ database, metrics, logger }: Platform, config: UserConfig): Promise<ServiceParts> {
  const registrations = metrics.counter('user_registrations_total', 'Accounts opened.');
  const logins = metrics.counter(
    'logins_total',
    'Attempts to sign in.',
    ['outcome'],
    ['succeeded', 'refused', 'throttled'],
  );
  const refreshes = metrics.counter(
    'token_refreshes_total',
    'Refresh tokens presented.',
    ['outcome'],
    ['refreshed', 'refused', 'reused'],
  );
  const signingKeys = readSigningKeys(config.USER_SIGNING_KEYS_FILE);
  const revocations = createRevocationRepository(database);

  const repository = createUserRepository(database);
  const admins = createCountedAdmins(database);
  const audit = createAdminAudit({ lines: createAuditRepository(database), logger });
  const cursors = createCursorCodec(config.CURSOR_SECRET);
  await throughOutages(repository.takeIntoList);

  const users = createUsers({
    users: repository,
    admins,
    passwords: createPasswordHasher(config.BCRYPT_COST, metrics),
    countRegistration: () => registrations.inc(),
  });
  const sessions = createSessions({
    users,
    sessions: createSessionRepository(database),
    revocations,
    throttle: createLoginThrottle({
      failures: createFailureRepository(database),
      oneByOne: createKeyedLimit(1),
      countThrottled: () => logins.inc({ outcome: 'throttled' }),
    }),
    refreshTokens,
    issueAccessToken: ({ userId, role }, sessionId) => issueUserToken({ userId, sessionId, role }, signingKeys[0]),
    countLogin: (outcome) => logins.inc({ outcome }),
    countRefresh: (outcome) => refreshes.inc({ outcome }),
    warnOfReuse: ({ sessionId, userId, generation }, used) =>
      logger.warn('refresh_reuse', 'A spent refresh token came back; its session is ended.', {
        sessionId,
        sessionUserId: userId,
        generation,
        usedGeneration: used.generation,
      }),
  });
  const administration = createUserAdministration({ users: repository, admins, sessions, audit });
  const keys = { keys: signingKeys.map(toPublicJwk) } as z.output<typeof KeysBody>;

  return {
    routes: [
      ...userRoutes(users),
      ...sessionRoutes(sessions),
      ...userAdministrationRoutes(administration, cursors),
      ...adminAuditRoutes(audit, ['user'], cursors),
      ...keyRoutes(keys),
      ...revocationRoutes(revocations),
    ],
    listRevocations: (since) => revocations.list(since),
  };
}
