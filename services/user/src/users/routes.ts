import { type Route, route } from '#platform/http/route.ts';
import { emailTaken, tooManyHashes } from './refusals.ts';
import { ProfileBody, RegisterBody, RenameBody, toProfileBody } from './schema.ts';
import type { UserService } from './service.ts';

const PROFILE = '/api/v1/auth/profile';

export function userRoutes(users: UserService): Route[] {
  return [
    route({
      method: 'post',
      path: '/api/v1/auth/register',
      summary: 'Open an account',
      tag: 'Accounts',
      access: 'public',
      request: { body: RegisterBody },
      status: 201,
      response: ProfileBody,
      location: () => PROFILE,
      errors: [emailTaken(), tooManyHashes()],
      handle: async ({ body }) => toProfileBody(await users.register(body)),
    }),
    route({
      method: 'get',
      path: PROFILE,
      summary: 'Your account',
      tag: 'Accounts',
      access: 'user',
      response: ProfileBody,
      handle: async (_input, { userId }) => toProfileBody(await users.getProfile(userId)),
    }),
    route({
      method: 'patch',
      path: PROFILE,
      summary: 'Change your name',
      tag: 'Accounts',
      access: 'user',
      request: { body: RenameBody },
      response: ProfileBody,
      handle: async ({ body }, { userId }) => toProfileBody(await users.rename(userId, body.name)),
    }),
  ];
}
