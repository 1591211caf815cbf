/** How often signing in has failed for one key, and until when further attempts are refused. */
export interface Failures {
  readonly count: number;
  readonly blockedUntil: Date | undefined;
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

const MAX_ACCOUNT_FAILURES = 10;
const FIRST_BLOCK_MS = 15 * MINUTE_MS;
const MAX_BLOCK_MS = DAY_MS;
const MAX_NETWORK_FAILURES = 100;

/**
 * One more failure for an account from one network: the tenth blocks it for 15 minutes, each further one for twice as long, up to a day.
 */
export function failAccount({ count }: Failures, now: Date): Failures {
  const over = count + 1 - MAX_ACCOUNT_FAILURES;
  if (over < 0) return { count: count + 1, blockedUntil: undefined };
  const block = Math.min(FIRST_BLOCK_MS * 2 ** over, MAX_BLOCK_MS);
  return { count: count + 1, blockedUntil: new Date(now.getTime() + block) };
}

/** One more failure for a network on one day: the hundredth blocks it until the day (UTC) ends. */
export function failNetwork({ count }: Failures, now: Date): Failures {
  const isOver = count + 1 >= MAX_NETWORK_FAILURES;
  return { count: count + 1, blockedUntil: isOver ? new Date(startOfDay(now) + DAY_MS) : undefined };
}

/** Seconds until the next attempt is allowed; 0 when it is allowed now. */
export function secondsBlocked({ blockedUntil }: Failures, now: Date): number {
  return blockedUntil ? Math.max(0, Math.ceil((blockedUntil.getTime() - now.getTime()) / 1000)) : 0;
}

/** The addresses that one customer of a provider can choose from at will count as one: an IPv4 address, or the /64 of an IPv6 address. */
export function networkOf(ip: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1];
  if (mapped) return mapped;
  if (!ip.includes(':')) return ip;
  const [head = '', tail] = ip.toLowerCase().split('::');
  const [left, right] = [head, tail ?? ''].map((part) => (part === '' ? [] : part.split(':'))) as [string[], string[]];
  const groups = [...left, ...Array(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right];
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}

export function dayOf(now: Date): string {
  return now.toISOString().slice(0, 10);
}

function startOfDay(now: Date): number {
  return Date.parse(dayOf(now));
}
