import type { Scenario, Threshold } from 'k6/options';
import type { RouteClass } from './shop.ts';

export interface Load {
  readonly executor: Scenario;
  /** True where someone signs in. */
  readonly needsShoppers: boolean;
  /** Whose thresholds hold. */
  readonly classes: readonly RouteClass[];
  readonly thresholds?: Readonly<Record<string, Threshold[]>>;
}

/** Docker gives what isn't set as nothing. */
const number = (name: string, fallback: number) => Number(__ENV[name] || fallback);
const ALL = ['browse', 'product', 'cart', 'checkout', 'auth'] as const;
const LOOKING = ['browse', 'product'] as const;

/** Virtual users, or arrivals a second where a scenario is open-loop. */
export const users = number('USERS', 100);
/** New users, or requests, a second. */
const rate = number('RATE', 10);
const duration = __ENV.DURATION ?? '';

/**
 * From ten users up to `users`, `rate` more each second, then as many for `length`. Closed loop: users who wait don't ask.
 */
function growing(length: string): Scenario {
  const first = Math.min(10, users);
  return {
    executor: 'ramping-vus',
    exec: 'visit',
    startVUs: first,
    stages: [
      { target: users, duration: `${Math.max(1, Math.ceil((users - first) / rate))}s` },
      { target: users, duration: length },
    ],
    gracefulRampDown: '10s',
  };
}

/** Arrivals at a fixed rate, whether the store is quick or not: a closed loop would hide its stalls. */
function arriving(exec: string, each: number, length: string): Scenario {
  return {
    executor: 'constant-arrival-rate',
    exec,
    rate: each,
    timeUnit: '1s',
    duration: length,
    preAllocatedVUs: Math.max(20, each * 5),
    maxVUs: Math.max(100, each * 10),
  };
}

/** Arrivals for which nobody was free any more would be missing from all that is measured. */
const ALL_ARRIVED: Load['thresholds'] = { dropped_iterations: ['count==0'] };

/** What `npm run load -- <name>` runs. */
export const SCENARIOS: Readonly<Record<string, Load>> = {
  /** One of each: is the store there, and the script well? Of so few requests to a cold store nobody can say how quick it is. */
  smoke: {
    executor: { executor: 'per-vu-iterations', exec: 'everything', vus: 1, iterations: 3 },
    needsShoppers: true,
    classes: [],
  },
  /** Shoppers as they are: they look, think, and few buy. */
  shoppers: { executor: growing(duration || '5m'), needsShoppers: true, classes: ALL },
  /** Lists and products alone. */
  browse: {
    executor: arriving('lookAround', number('RATE', 50), duration || '1m'),
    needsShoppers: false,
    classes: LOOKING,
    thresholds: ALL_ARRIVED,
  },
  /** Purchases alone. */
  checkout: {
    executor: arriving('buy', rate, duration || '1m'),
    needsShoppers: true,
    classes: ['cart', 'checkout', 'auth'],
    thresholds: ALL_ARRIVED,
  },
  /**
   * Everybody wants one product at once, of which there are few; they have signed in before. The audit comes after it: whether it is right is
   * the question here, not how long the queue is.
   */
  'flash-sale': {
    executor: { executor: 'shared-iterations', exec: 'sale', vus: users, iterations: users * 5, maxDuration: '5m' },
    needsShoppers: true,
    classes: ['auth'],
  },
  /** Shoppers for long: does anything grow? */
  soak: { executor: growing(duration || '30m'), needsShoppers: true, classes: ALL },
  /** Ten times as many for half a minute, then as before. */
  spike: {
    executor: {
      executor: 'ramping-vus',
      exec: 'visit',
      startVUs: Math.ceil(users / 10),
      stages: [
        { target: Math.ceil(users / 10), duration: '30s' },
        { target: users, duration: '5s' },
        { target: users, duration: duration || '30s' },
        { target: Math.ceil(users / 10), duration: '5s' },
        { target: Math.ceil(users / 10), duration: '30s' },
      ],
    },
    needsShoppers: true,
    classes: ['browse', 'product', 'cart', 'checkout'],
  },
  /** Ever more arrivals until the store can't follow: its knee. Stops there. */
  breakpoint: {
    executor: {
      executor: 'ramping-arrival-rate',
      exec: 'visit',
      startRate: rate,
      timeUnit: '1s',
      preAllocatedVUs: 100,
      maxVUs: 5000,
      stages: [{ target: rate * 50, duration: duration || '5m' }],
    },
    needsShoppers: true,
    classes: [],
    thresholds: {
      http_req_failed: [{ threshold: 'rate<0.01', abortOnFail: true, delayAbortEval: '5s' }],
      http_req_duration: [{ threshold: 'p(99)<2000', abortOnFail: true, delayAbortEval: '5s' }],
    },
  },
  /** The whole catalogue, page by page, in every order. */
  'catalogue-walk': {
    executor: { executor: 'shared-iterations', exec: 'walk', vus: 4, iterations: 8, maxDuration: '10m' },
    needsShoppers: false,
    classes: ['browse'],
    // Of all checks of a walk that missed something, less than one in a thousand fails.
    thresholds: { checks: ['rate==1'] },
  },
};
