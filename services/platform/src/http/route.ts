import type { Request, RequestHandler, Response } from 'express';
import { z } from 'zod';
import type { ServiceCaller } from '../auth/service-token.ts';
import type { UserCaller } from '../auth/user-token.ts';
import {
  BadRequest,
  Forbidden,
  PreconditionRequired,
  type StoreError,
  Unauthorized,
  validationFailed,
} from '../errors.ts';
import { currentRequest } from '../request-context.ts';
import { readJsonBody, readJsonBodyIfSent } from './body.ts';
import { toValidationFailed } from './problem.ts';

/**
 * Who may call: anyone, a signed-in user, an admin, or the services named, with one scope. `userOr` lets in who isn't signed in too,
 * anyone or whoever sends a secret in the header named; but who does send `Authorization` is judged by that alone.
 */
export type Access =
  | 'public'
  | 'user'
  | 'admin'
  | { readonly userOr: 'anyone' | `X-${string}` }
  | { readonly services: readonly string[]; readonly scope: string };

/** Who sent a secret that only the service itself can judge. */
export interface TokenHolder {
  readonly token: string;
}

type Caller = UserCaller | ServiceCaller | TokenHolder | undefined;
type CallerOf<A extends Access> = A extends 'public'
  ? undefined
  : A extends 'user' | 'admin'
    ? UserCaller
    : A extends { readonly userOr: 'anyone' }
      ? UserCaller | undefined
      : A extends { readonly userOr: string }
        ? UserCaller | TokenHolder
        : ServiceCaller;
type Parsed<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

/** What a handler gets: checked by the schemas of its route. */
export interface Input<Params, Query, Body, HasKey, IsGuarded> {
  readonly params: Parsed<Params>;
  readonly query: Parsed<Query>;
  readonly body: Parsed<Body>;
  readonly idempotencyKey: HasKey extends true ? string : undefined;
  /** True when If-Match names this version. */
  readonly expects: IsGuarded extends true ? (version: number) => boolean : undefined;
  /** The address that Nginx saw. */
  readonly ip: string;
}

/** A whole answer, where a handler says more than its body. */
export class Reply<Body> {
  readonly body: Body;
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(body: Body, { status, headers = {} }: { status?: number; headers?: Record<string, string> } = {}) {
    this.body = body;
    this.status = status;
    this.headers = headers;
  }
}

export interface RouteDefinition<
  A extends Access,
  Params extends z.ZodObject | undefined,
  Query extends z.ZodObject | undefined,
  Body extends z.ZodType | undefined,
  Response extends z.ZodType | undefined,
  HasKey extends boolean,
  IsGuarded extends boolean,
> {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** The public path, e.g. `/api/v1/products/{id}`. */
  readonly path: string;
  readonly summary: string;
  readonly description?: string;
  readonly tag: string;
  readonly access: A;
  readonly request?: { readonly params?: Params; readonly query?: Query; readonly body?: Body };
  /** Requires an Idempotency-Key of 1–255 visible ASCII characters. */
  readonly idempotencyKey?: HasKey;
  /** Requires an If-Match, so that nobody overwrites what they haven't seen. */
  readonly ifMatch?: IsGuarded;
  readonly status?: number;
  readonly response?: Response;
  /** Further statuses that a Reply may carry, with the same body unless another is named. */
  readonly alternatives?: Readonly<Record<number, { readonly description: string; readonly response?: z.ZodType }>>;
  /** Refusals beyond those that follow from access and request; each with an example of what it tells. */
  readonly errors?: readonly StoreError[];
  /** `catalogue` may be kept by shared caches for a second; all else is `no-store`. */
  readonly cache?: 'catalogue';
  /** The body is a page: the answer names the next one in its Link header. */
  readonly paged?: true;
  etag?(body: z.output<NonNullable<Response>>): string;
  location?(body: z.output<NonNullable<Response>>): string;
  handle(
    input: Input<Params, Query, Body, HasKey, IsGuarded>,
    caller: CallerOf<A>,
  ): Promise<Parsed<Response> | Reply<Parsed<Response>>> | Parsed<Response> | Reply<Parsed<Response>>;
}

type AnyInput = Input<z.ZodObject, z.ZodObject, z.ZodType, boolean, boolean>;

/** A declared route, as what mounts and documents it sees it. */
export interface Route
  extends Omit<
    RouteDefinition<Access, z.ZodObject, z.ZodObject, z.ZodType, z.ZodType, boolean, boolean>,
    'handle' | 'etag' | 'location'
  > {
  etag?(body: unknown): string;
  location?(body: unknown): string;
  handle(input: AnyInput, caller: Caller): unknown;
}

/** One declaration that mounts, validates, types its handler and yields the OpenAPI operation. */
export function route<
  const A extends Access,
  Params extends z.ZodObject | undefined = undefined,
  Query extends z.ZodObject | undefined = undefined,
  Body extends z.ZodType | undefined = undefined,
  Response extends z.ZodType | undefined = undefined,
  const HasKey extends boolean = false,
  const IsGuarded extends boolean = false,
>(definition: RouteDefinition<A, Params, Query, Body, Response, HasKey, IsGuarded>): Route {
  return definition as unknown as Route;
}

export interface Verifiers {
  verifyUser(token: string): UserCaller;
  verifyService(token: string): ServiceCaller;
}

/** The chain that Express runs for a route: who calls, what was sent, the handler, the answer. */
export function toHandlers(route: Route, verifiers: Verifiers): RequestHandler[] {
  const authorize: RequestHandler = (request, response, next) => {
    response.locals.caller = identify(route.access, request, verifiers);
    next();
  };
  const run: RequestHandler = async (request, response) => {
    const input = readInput(route, request);
    send(route, request, response, await route.handle(input, response.locals.caller));
  };
  return [authorize, ...(route.request?.body ? readJsonBody : readJsonBodyIfSent), run];
}

function identify(access: Access, request: Request, verifiers: Verifiers): Caller {
  if (access === 'public') return undefined;
  const isSignedOut = request.headers.authorization === undefined;
  if (typeof access === 'object' && 'userOr' in access && isSignedOut) return identifyGuest(access.userOr, request);
  const token = bearerToken(request);
  if (token === undefined) throw new Unauthorized();
  if (typeof access === 'object' && 'services' in access) {
    const caller = verifiers.verifyService(token);
    if (!access.services.includes(caller.service) || caller.scope !== access.scope) {
      throw notThisService();
    }
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

function readInput(route: Route, request: Request): AnyInput {
  const { params, query, body } = route.request ?? {};
  return {
    params: params && parse(params, request.params),
    query: query ? parse(query, request.query) : refuseQuery(request),
    body: body ? parse(body, request.body) : refuseBody(request),
    idempotencyKey: route.idempotencyKey ? readIdempotencyKey(request) : undefined,
    expects: route.ifMatch ? readIfMatch(request) : undefined,
    ip: request.ip ?? '',
  } as AnyInput;
}

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw toValidationFailed(parsed.error);
  return parsed.data;
}

const NOTHING = z.strictObject({}, 'This takes no body.').optional();

/** Clients that always send an object may send an empty one. */
function refuseBody(request: Request): undefined {
  parse(NOTHING, request.body);
}

function refuseQuery(request: Request): undefined {
  const [name] = Object.keys(request.query);
  if (name === undefined) return undefined;
  throw unknownParameter(name);
}

export function unknownParameter(name: string): BadRequest {
  return validationFailed([{ pointer: `/${name}`, detail: 'Unknown parameter.' }]);
}

function readIdempotencyKey(request: Request): string {
  const key = request.get('idempotency-key');
  if (key === undefined || key === '') throw idempotencyKeyRequired();
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw validationFailed([{ pointer: '/Idempotency-Key', detail: '1 to 255 visible ASCII characters.' }]);
  }
  return key;
}

export function idempotencyKeyRequired(): BadRequest {
  return new BadRequest('idempotency_key_required', 'Send an Idempotency-Key, so that a retry cannot do it twice.');
}

/** Of a tag `"version.…"` the version alone counts. Weak ones too: a proxy that compresses makes them of ours. */
function readIfMatch(request: Request): (version: number) => boolean {
  const header = request.get('if-match');
  if (header === undefined || header === '') throw preconditionRequired();
  const tags = header.split(',').map((tag) => tag.trim());
  const versions = tags.map((tag) => /^(?:W\/)?"(\d+)(?:\.\d+)?"$/.exec(tag)?.[1]);
  return (version) => tags.includes('*') || versions.includes(String(version));
}

export function preconditionRequired(): PreconditionRequired {
  return new PreconditionRequired('precondition_required', 'Send the ETag of what you want to change as If-Match.');
}

function send(route: Route, request: Request, response: Response, result: unknown): void {
  const { body, status, headers } = result instanceof Reply ? (result as Reply<unknown>) : new Reply(result);
  response.statusCode = status ?? route.status ?? 200;
  response.setHeader('Cache-Control', route.cache === 'catalogue' ? 'public, max-age=0, s-maxage=1' : 'no-store');
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (body === undefined) return void response.end();

  if (route.location) response.setHeader('Location', route.location(body));
  if (route.paged) linkNextPage(request, response, body as { page: { nextCursor: string | null } });
  if (route.etag) {
    const etag = route.etag(body);
    response.setHeader('ETag', etag);
    if (route.method === 'get' && matches(request.headers['if-none-match'], etag)) {
      response.statusCode = 304;
      return void response.end();
    }
  }
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.end(JSON.stringify(body));
}

function linkNextPage(request: Request, response: Response, { page }: { page: { nextCursor: string | null } }): void {
  if (page.nextCursor === null) return;
  const [path = '', query = ''] = request.originalUrl.split('?', 2);
  const parameters = new URLSearchParams(query);
  parameters.set('cursor', page.nextCursor);
  response.setHeader('Link', `<${path}?${parameters}>; rel="next"`);
}

/** Weak comparison (RFC 9110 §13.1.2): a proxy that compresses turns our tag into `W/"…"`. */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
}
