import type { z } from 'zod';
import type { ServiceCaller } from '../auth/service-token.ts';
import type { UserCaller } from '../auth/user-token.ts';
import type { StoreError } from '../errors.ts';

/**
 * Who may call: anyone, a signed-in user, an admin, or the named services, with one scope. `userOr` also admits callers who aren't signed
 * in: anyone, or those who send a secret in the named header. A caller who does send `Authorization` is judged by that alone.
 */
export type Access =
  | 'public'
  | 'user'
  | 'admin'
  | { readonly userOr: 'anyone' | `X-${string}` }
  | { readonly services: readonly string[]; readonly scope: string };

/** A caller who sent a secret that only the service itself can verify. */
export interface TokenHolder {
  readonly token: string;
}

export type Caller = UserCaller | ServiceCaller | TokenHolder | undefined;
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

/** A handler's input, validated by the schemas of its route. */
export interface Input<Params, Query, Body, HasKey, IsGuarded> {
  readonly params: Parsed<Params>;
  readonly query: Parsed<Query>;
  readonly body: Parsed<Body>;
  readonly idempotencyKey: HasKey extends true ? string : undefined;
  /** True if If-Match names this version. */
  readonly expects: IsGuarded extends true ? (version: number) => boolean : undefined;
  /** The client's address as Nginx sees it. */
  readonly ip: string;
}

interface ReplyOptions {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** This Idempotency-Key has been answered before. */
  readonly replayed?: boolean;
}

/** An answer that says more than its body. */
export class Reply<Body> {
  readonly body: Body;
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly replayed: boolean;

  constructor(body: Body, { status, headers = {}, replayed = false }: ReplyOptions = {}) {
    this.body = body;
    this.status = status;
    this.headers = headers;
    this.replayed = replayed;
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
  /** Requires If-Match, so that nobody overwrites a change they haven't seen. */
  readonly ifMatch?: IsGuarded;
  readonly status?: number;
  readonly response?: Response;
  /** Further statuses that a Reply may carry, with the same body unless a different one is given. */
  readonly alternatives?: Readonly<Record<number, { readonly description: string; readonly response?: z.ZodType }>>;
  /** Refusals beyond those implied by access and request, each an example of what the caller gets. */
  readonly errors?: readonly StoreError[];
  /**
   * Nginx may serve the answer again, to anyone: of the `catalogue` for a second, of the `live-catalogue` only while there are many
   * requests. Without it the answer is `no-store`.
   */
  readonly cache?: 'catalogue' | 'live-catalogue';
  /** The body is a page: the Link header names the next one. */
  readonly paged?: true;
  etag?(body: z.output<NonNullable<Response>>): string;
  location?(body: z.output<NonNullable<Response>>): string;
  handle(
    input: Input<Params, Query, Body, HasKey, IsGuarded>,
    caller: CallerOf<A>,
  ): Promise<Parsed<Response> | Reply<Parsed<Response>>> | Parsed<Response> | Reply<Parsed<Response>>;
}

export type AnyInput = Input<z.ZodObject, z.ZodObject, z.ZodType, boolean, boolean>;

/** A declared route, as seen by the code that mounts and documents it. */
export interface Route
  extends Omit<
    RouteDefinition<Access, z.ZodObject, z.ZodObject, z.ZodType, z.ZodType, boolean, boolean>,
    'handle' | 'etag' | 'location'
  > {
  etag?(body: unknown): string;
  location?(body: unknown): string;
  handle(input: AnyInput, caller: Caller): unknown;
}

/** One declaration that mounts the route, validates its input, types its handler and yields its OpenAPI operation. */
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
