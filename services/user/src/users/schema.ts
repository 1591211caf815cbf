import { z } from 'zod';
import { unusablePassword, weakPassword } from './password.ts';
import { isEmail, isName, normalizeEmail, ROLES, type User } from './user.ts';

export const Email = z
  .string('An e-mail address, as text.')
  .overwrite(normalizeEmail)
  .refine(isEmail, 'An e-mail address of at most 254 characters.')
  .meta({
    format: 'idn-email',
    description: 'Compared case-insensitively, in Unicode form NFKC.',
  });

const Name = z
  .string('A name, as text.')
  .trim()
  .refine(isName, '1 to 100 characters, no control characters.')
  .meta({ minLength: 1, maxLength: 100 });

export const NewPassword = z
  .string('A password, as text.')
  .check((context) => refuse(context, weakPassword(context.value)))
  .meta({
    format: 'password',
    minLength: 8,
    maxLength: 72,
    description: 'At least 8 characters, at most 72 bytes in UTF-8, not one of the most common.',
  });

/** A password to compare with the chosen one: the rules for new passwords don't lock an old one out. */
export const GivenPassword = z
  .string('A password, as text.')
  .min(1, 'A password is required.')
  .check((context) => refuse(context, unusablePassword(context.value)))
  .meta({ format: 'password' });

export const RegisterBody = z.strictObject({ email: Email, password: NewPassword, name: Name }).meta({
  id: 'Register',
  example: { email: 'ada@example.com', password: 'a-fine-Passphrase-7', name: 'Ada Lovelace' },
});
export const RenameBody = z
  .strictObject({ name: Name })
  .meta({ id: 'ProfilePatch', example: { name: 'Ada, Countess of Lovelace' } });

export const EXAMPLE_PROFILE = {
  id: '7d3f1c9e-5b0a-4e6d-8f42-1a9c6e0b7d35',
  email: 'ada@example.com',
  name: 'Ada Lovelace',
  role: 'user',
  createdAt: '2026-01-31T09:40:12.204Z',
};

export const ProfileBody = z
  .strictObject({
    id: z.guid(),
    email: z.string(),
    name: z.string(),
    role: z.enum(ROLES),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'Profile', example: EXAMPLE_PROFILE });

export function toProfileBody({ userId, email, name, role, createdAt }: User): z.output<typeof ProfileBody> {
  return { id: userId, email, name, role, createdAt: createdAt.toISOString() };
}

function refuse({ issues }: z.core.ParsePayload<string>, fault: string | undefined): void {
  // The input itself stays out of the issue: it is a password.
  if (fault !== undefined) issues.push({ code: 'custom', message: fault, input: undefined });
}
