/** How often signing in failed for one key, and until when it isn't tried any more. */
export interface Failures {
  readonly count: number;
  readonly blockedUntil: Date | undefined;
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

const ALLOWED_FOR_ACCOUNT = 10;
const FIRST_BLOCK = 15 * MINUTE;
const LONGEST_BLOCK = DAY;
const ALLOWED_FOR_NETWORK = 100;

/** One more failure for an account from one network: from the tenth on a block of 15 minutes, each further one doubles it up to a day. */
export function failAccount({ count }: Failures, now: Date): Failures {
  const over = count + 1 - ALLOWED_FOR_ACCOUNT;
  if (over < 0) return { count: count + 1, blockedUntil: undefined };
  const block = Math.min(FIRST_BLOCK * 2 ** over, LONGEST_BLOCK);
  return { count: count + 1, blockedUntil: new Date(now.getTime() + block) };
}

/** One more failure of the day for a network: the hundredth blocks it until the day (UTC) ends. */
export function failNetwork({ count }: Failures, now: Date): Failures {
  const isOver = count + 1 >= ALLOWED_FOR_NETWORK;
  return { count: count + 1, blockedUntil: isOver ? new Date(startOfDay(now) + DAY) : undefined };
}

/** Seconds until a key may be tried again; 0 when it may be now. */
export function secondsBlocked({ blockedUntil }: Failures, now: Date): number {
  return blockedUntil ? Math.max(0, Math.ceil((blockedUntil.getTime() - now.getTime()) / 1000)) : 0;
}

/** What one customer of a provider can choose from at will counts as one: an IPv4 address, or the /64 of an IPv6 address. */
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
