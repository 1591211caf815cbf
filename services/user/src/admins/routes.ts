import type { CursorCodec } from '#platform/http/cursor.ts';
import { type Route, route } from '#platform/http/route.ts';
import { readTimeCursor, toTimeCursor } from '#platform/http/time-cursor.ts';
import { adminsContended, lastAdmin, userNotFound } from '../users/refusals.ts';
import { toUserBody, UserBody, UserListQuery, UserPageBody, UserParams, UserPatchBody } from './schema.ts';
import type { UserAdministration } from './service.ts';

const BINDING = 'users';

export function userAdministrationRoutes(administration: UserAdministration, cursors: CursorCodec): Route[] {
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
        const { users, next } = await administration.listUsers(limit, after);
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
      handle: async ({ params }) => toUserBody(await administration.getUser(params.id)),
    }),
    route({
      method: 'patch',
      path: '/api/v1/users/{id}',
      summary: "Change a user's role, or disable or enable the user",
      description:
        'Who is disabled or given the role `user` is signed out everywhere: refresh tokens at once, access tokens within 10 seconds. ' +
        'Saying it again does it again. The last active admin stays: 409 `last_admin`.',
      tag: 'Users',
      access: 'admin',
      request: { params: UserParams, body: UserPatchBody },
      response: UserBody,
      errors: [userNotFound(), lastAdmin(), adminsContended()],
      handle: async ({ params, body }, caller) =>
        toUserBody(await administration.changeUser(caller.userId, params.id, body)),
    }),
  ];
}
