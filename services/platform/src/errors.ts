/** What a problem answer may carry beside its code and detail. */
export interface ErrorOptions {
  /** Extension members of the problem, e.g. the lines that are short. Shown to the caller. */
  readonly extensions?: Readonly<Record<string, unknown>>;
  /** Seconds after which asking again makes sense; becomes `Retry-After`. */
  readonly retryAfter?: number;
  /** The refusal was given before, to the same Idempotency-Key. */
  readonly replayed?: boolean;
  readonly cause?: unknown;
}

/**
 * A refusal that the caller is told about. `code` is stable and snake_case, `detail` is a sentence for a person.
 * Anything else that is thrown is a fault of ours and reaches the caller as a plain 500.
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
    { extensions = {}, retryAfter, replayed = false, cause }: ErrorOptions = {},
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

export class Conflict extends StoreError {
  readonly status = 409;
}

/** Somebody else changed it since the caller read it. */
export class PreconditionFailed extends StoreError {
  readonly status = 412;
}

export class PreconditionRequired extends StoreError {
  readonly status = 428;
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

export class TooManyRequests extends StoreError {
  readonly status = 429;
}

export class MethodNotAllowed extends StoreError {
  readonly status = 405;
}

/** Not now; says when to ask again. Its outcome may be unknown, never half done. */
export class Unavailable extends StoreError {
  readonly status = 503;

  constructor(code: string, detail: string, options: ErrorOptions = {}) {
    super(code, detail, { retryAfter: 1, ...options });
  }
}

/** The database has no answer in time: what it was asked to do may be done or not. */
export function databaseUnavailable(cause?: unknown): Unavailable {
  return new Unavailable('database_unavailable', 'The database did not answer in time; ask again.', { cause });
}

/** What the caller has read is not the latest, which is at `version`. */
export function changedMeanwhile(version: number): PreconditionFailed {
  return new PreconditionFailed('precondition_failed', 'It was changed meanwhile; read it again.', {
    extensions: { version },
  });
}

/** One fault of the input: a JSON pointer (RFC 6901) to the field, and the rule it breaks. */
export interface FieldFault {
  readonly pointer: string;
  readonly detail: string;
}

/** The input breaks a rule; names every field that does. */
export function validationFailed(errors: readonly FieldFault[]): BadRequest {
  const first = errors[0];
  const detail = first ? `${first.pointer.slice(1).replaceAll('/', '.') || 'The input'}: ${first.detail}` : 'Invalid.';
  return new BadRequest('validation_failed', detail, { extensions: { errors } });
}
