import type { CursorCodec } from '#platform/http/cursor.ts';
import { type Route, route } from '#platform/http/route.ts';
import { readTimeCursor, toTimeCursor } from '#platform/http/time-cursor.ts';
import { adminsContended, lastAdmin, userNotFound } from './refusals.ts';
import { toUserBody, UserBody, UserListQuery, UserPageBody, UserParams, UserPatchBody } from './schema.ts';
import type { AdminService } from './service.ts';

const BINDING = 'users';

export function adminRoutes(admins: AdminService, cursors: CursorCodec): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/users',
      summary: 'All users, newest first',
      tag: 'Users',
      access: 'admin',
      request: { query: UserListQuery },
      response: UserPageBody,
      paged: true,
      handle: async ({ query: { limit, cursor } }) => {
        const after = readTimeCursor(cursors, BINDING, cursor);
        const { users, next } = await admins.listUsers(limit, after);
        return { data: users.map(toUserBody), page: { limit, nextCursor: toTimeCursor(cursors, BINDING, next) } };
      },
    }),
    route({
      method: 'get',
      path: '/api/v1/users/{id}',
      summary: 'One user',
      tag: 'Users',
      access: 'admin',
      request: { params: UserParams },
      response: UserBody,
      errors: [userNotFound()],
      handle: async ({ params }) => toUserBody(await admins.getUser(params.id)),
    }),
    route({
      method: 'patch',
      path: '/api/v1/users/{id}',
      summary: "Change a user's role, or disable or enable the user",
      description:
        'A user who is disabled or given the role `user` is signed out everywhere: refresh tokens are refused at once, access tokens ' +
        'within 10 seconds. Repeating the request signs the user out again. The last active admin stays: 409 `last_admin`.',
      tag: 'Users',
      access: 'admin',
      request: { params: UserParams, body: UserPatchBody },
      response: UserBody,
      errors: [userNotFound(), lastAdmin(), adminsContended()],
      handle: async ({ params, body }, caller) => toUserBody(await admins.changeUser(caller.userId, params.id, body)),
    }),
  ];
}
