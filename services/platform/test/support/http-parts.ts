import { Unauthorized } from '#platform/errors.ts';
import type { Verifiers } from '#platform/http/authorize.ts';
import type { SystemParts } from '#platform/http/system.ts';

/** Every token is refused. */
export const noVerifiers: Verifiers = {
  verifyUser() {
    throw new Unauthorized();
  },
  verifyService() {
    throw new Unauthorized();
  },
};

export const readySystem: SystemParts = {
  services: {},
  isDatabaseReachable: async () => true,
  isAccepting: () => true,
};
