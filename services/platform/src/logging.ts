import { createLogger as createWinston, format, transports } from 'winston';
import { currentRequest } from './request-context.ts';
import { parseTraceparent } from './tracing/trace-context.ts';

/** Writes JSON lines; `event` is a stable snake_case name, `message` is for a person. */
export interface Logger {
  error(event: string, message: string, fields?: Record<string, unknown>): void;
  warn(event: string, message: string, fields?: Record<string, unknown>): void;
  info(event: string, message: string, fields?: Record<string, unknown>): void;
  debug(event: string, message: string, fields?: Record<string, unknown>): void;
}

const SECRET_KEY = /password|secret|token|authorization|cookie|private/i;
const SECRET_TEXT = /\beyJ[\w-]+\.[\w-]+\.[\w-]*|\bcart_[\w-]{43}|\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}/g;

/** Replaces what must never be logged: values under keys that name secrets, and tokens and password hashes anywhere. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return value.replace(SECRET_TEXT, '[redacted]');
  if (value instanceof Error) return redactError(value, depth);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > 6) return '[deep]';
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, SECRET_KEY.test(key) ? '[redacted]' : redact(item, depth + 1)]),
  );
}

function redactError(error: Error, depth: number): unknown {
  const cause = error.cause === undefined || depth > 3 ? {} : { cause: redact(error.cause, depth + 1) };
  return { name: error.name, message: redact(error.message), stack: redact(error.stack ?? ''), ...cause };
}

export function createLogger(service: string, level: string): Logger {
  const winston = createWinston({
    level,
    format: format.json({ space: 0, deterministic: false }),
    transports: [new transports.Console({ stderrLevels: [] })],
  });
  const write = (severity: string) => {
    if (!winston.isLevelEnabled(severity)) return () => {};
    return (event: string, message: string, fields: Record<string, unknown> = {}) => {
      const { requestId, traceparent, userId } = currentRequest() ?? {};
      winston.log({
        timestamp: new Date().toISOString(),
        level: severity,
        service,
        message: redact(message) as string,
        event,
        requestId,
        traceId: traceparent && parseTraceparent(traceparent).traceId,
        userId,
        ...(redact(fields) as Record<string, unknown>),
      });
    };
  };
  return { error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug') };
}

export const silentLogger: Logger = { error() {}, warn() {}, info() {}, debug() {} };
