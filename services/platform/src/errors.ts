/** What a problem response may carry besides its code and detail. */
export interface RefusalOptions {
  /** Extension members of the problem, e.g. the lines that are short. Shown to the caller. */
  readonly extensions?: Readonly<Record<string, unknown>>;
  /** Seconds after which a retry makes sense; becomes `Retry-After`. */
  readonly retryAfter?: number;
  /** This Idempotency-Key has been refused the same way before. */
  readonly replayed?: boolean;
  readonly cause?: unknown;
}

/**
 * A refusal that the caller is told about. `code` is stable and snake_case, `detail` is a sentence for a person. Anything else that is
 * thrown is a fault of ours and reaches the caller as a plain 500.
 */
export abstract class StoreError extends Error {
  abstract readonly status: number;
  readonly code: string;
  readonly extensions: Readonly<Record<string, unknown>>;
  readonly retryAfter: number | undefined;
  readonly replayed: boolean;

  constructor(
    code: string,
    detail: string,
    { extensions = {}, retryAfter, replayed = false, cause }: RefusalOptions = {},
  ) {
    super(detail, { cause });
    this.name = new.target.name;
    this.code = code;
    this.extensions = extensions;
    this.retryAfter = retryAfter;
    this.replayed = replayed;
  }
}

export class BadRequest extends StoreError {
  readonly status = 400;
}

/** One body for every cause, so that a forger learns nothing (RFC 6750 §3). */
export class Unauthorized extends StoreError {
  readonly status = 401;

  constructor(code = 'unauthorized', detail = 'A valid access token is required.') {
    super(code, detail);
  }
}

export class Forbidden extends StoreError {
  readonly status = 403;
}

export class NotFound extends StoreError {
  readonly status = 404;
}

export class MethodNotAllowed extends StoreError {
  readonly status = 405;
}

export class Conflict extends StoreError {
  readonly status = 409;
}

/** The resource has changed since the caller read it. */
export class PreconditionFailed extends StoreError {
  readonly status = 412;
}

export class PayloadTooLarge extends StoreError {
  readonly status = 413;
}

export class UnsupportedMediaType extends StoreError {
  readonly status = 415;
}

export class Unprocessable extends StoreError {
  readonly status = 422;
}

export class PreconditionRequired extends StoreError {
  readonly status = 428;
}

export class TooManyRequests extends StoreError {
  readonly status = 429;
}

/** Not now; says when to retry. The outcome may be unknown, but nothing is ever half done. */
export class Unavailable extends StoreError {
  readonly status = 503;

  constructor(code: string, detail: string, options: RefusalOptions = {}) {
    super(code, detail, { retryAfter: 1, ...options });
  }
}

/** The database didn't respond in time: what it was asked to do may or may not have been done. */
export function databaseUnavailable(cause?: unknown): Unavailable {
  return new Unavailable('database_unavailable', "The database didn't respond in time; try again.", { cause });
}

/** The database's answer to a change was lost, and `what` has changed again since, so nobody can tell whether it was made. */
export function outcomeUnknown(what: 'product' | 'category' | 'cart'): Unavailable {
  return new Unavailable(
    'outcome_unknown',
    `The database's answer was lost, and the ${what} has changed since; check it before trying again.`,
  );
}

/** The caller's version isn't the current one, `version`. */
export function changedMeanwhile(version: number): PreconditionFailed {
  return new PreconditionFailed('precondition_failed', 'The resource no longer matches If-Match; fetch it again.', {
    extensions: { version },
  });
}

/** One fault in the input: a JSON pointer (RFC 6901) to the field, and the rule that it breaks. */
export interface FieldFault {
  readonly pointer: string;
  readonly detail: string;
}

/** The input breaks rules; `errors` names every field that does. */
export function validationFailed(errors: readonly FieldFault[]): BadRequest {
  const first = errors[0];
  const detail = first ? `${first.pointer.slice(1).replaceAll('/', '.') || 'The input'}: ${first.detail}` : 'Invalid.';
  return new BadRequest('validation_failed', detail, { extensions: { errors } });
}

/** The first request with an Idempotency-Key has no outcome yet. */
export function idempotencyInProgress(): Conflict {
  return new Conflict('idempotency_in_progress', 'The first request with this key is still running.', {
    retryAfter: 1,
  });
}

export function idempotencyKeyReused(usedFor: 'order' | 'adjustment'): Unprocessable {
  return new Unprocessable('idempotency_key_reused', `This Idempotency-Key was used for another ${usedFor}.`);
}
