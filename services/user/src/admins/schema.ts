import { z } from 'zod';
import { pageOf, pageQuery } from '#platform/http/page.ts';
import { EXAMPLE_PROFILE } from '../users/schema.ts';
import { ROLES, STATUSES, type User } from '../users/user.ts';

export const UserParams = z.strictObject({
  id: z.guid('A user id is a UUID.').toLowerCase().meta({ example: EXAMPLE_PROFILE.id }),
});

export const UserListQuery = z.strictObject(pageQuery);

export const UserPatchBody = z
  .strictObject({
    role: z.enum(ROLES, `One of ${ROLES.join(', ')}.`).optional(),
    status: z.enum(STATUSES, `One of ${STATUSES.join(', ')}.`).optional(),
  })
  .refine((change) => Object.keys(change).length > 0, 'A role or a status is required.')
  .meta({ id: 'UserPatch', minProperties: 1, example: { status: 'disabled' } });

export const UserBody = z
  .strictObject({
    id: z.guid(),
    email: z.string(),
    name: z.string(),
    role: z.enum(ROLES),
    status: z.enum(STATUSES),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'User', example: { ...EXAMPLE_PROFILE, status: 'active' } });

export const UserPageBody = pageOf(UserBody).meta({ id: 'UserPage' });

export function toUserBody({ userId, email, name, role, status, createdAt }: User): z.output<typeof UserBody> {
  return { id: userId, email, name, role, status, createdAt: createdAt.toISOString() };
}
