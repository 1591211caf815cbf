import type { Request } from 'express';
import type { ServiceCaller } from '../auth/service-token.ts';
import type { UserCaller } from '../auth/user-token.ts';
import { Forbidden, Unauthorized } from '../errors.ts';
import { currentRequest } from '../request-context.ts';
import type { Access, Caller, TokenHolder } from './route.ts';

/** Both throw Unauthorized if the token isn't valid. */
export interface Verifiers {
  verifyUser(token: string): UserCaller;
  verifyService(token: string): ServiceCaller;
}

/** Identifies the caller; throws Unauthorized or Forbidden unless `access` admits them. */
export function authorize(access: Access, request: Request, verifiers: Verifiers): Caller {
  if (access === 'public') return undefined;
  const isSignedOut = request.headers.authorization === undefined;
  if (typeof access === 'object' && 'userOr' in access && isSignedOut) return identifyGuest(access.userOr, request);
  const token = bearerToken(request);
  if (token === undefined) throw new Unauthorized();
  if (typeof access === 'object' && 'services' in access) {
    const caller = verifiers.verifyService(token);
    if (!access.services.includes(caller.service) || caller.scope !== access.scope) throw notThisService();
    return caller;
  }
  const caller = verifiers.verifyUser(token);
  const context = currentRequest();
  if (context) context.userId = caller.userId;
  if (access === 'admin' && caller.role !== 'admin') throw notAnAdmin();
  return caller;
}

export function notThisService(): Forbidden {
  return new Forbidden('forbidden', 'This service may not do that.');
}

export function notAnAdmin(): Forbidden {
  return new Forbidden('forbidden', 'Only an admin may do that.');
}

function identifyGuest(header: string, request: Request): TokenHolder | undefined {
  if (header === 'anyone') return undefined;
  const token = request.get(header);
  if (token === undefined) throw new Unauthorized();
  return { token };
}

function bearerToken(request: Request): string | undefined {
  return /^Bearer ([\w.~+/=-]+)$/i.exec(request.headers.authorization ?? '')?.[1];
}
