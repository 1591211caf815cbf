import type { Scenario, Threshold } from 'k6/options';
import type { RouteClass } from './shop.ts';

export interface Load {
  readonly executor: Scenario;
  /** True where someone signs in. */
  readonly needsShoppers: boolean;
  /** Whose thresholds apply. */
  readonly classes: readonly RouteClass[];
  readonly thresholds?: Readonly<Record<string, Threshold[]>>;
}

/** Docker passes unset variables as empty. */
const number = (name: string, fallback: number) => Number(__ENV[name] || fallback);
const ALL = ['browse', 'product', 'cart', 'checkout', 'auth'] as const;
const LOOKING = ['browse', 'product'] as const;

/** Virtual users, at most. */
export const users = number('USERS', 100);
/** New users, or arrivals, per second. */
const rate = number('RATE', 10);
const duration = __ENV.DURATION ?? '';

/**
 * From ten users up to `users`, `rate` more each second, then constant for `length`. Closed loop: users that wait send nothing.
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

/** Arrivals at a fixed rate, however slow the store is: a closed loop would hide its stalls. */
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

/** Arrivals without a free virtual user would be missing from every measurement. */
const ALL_ARRIVED: Load['thresholds'] = { dropped_iterations: ['count==0'] };

/** What `npm run load -- <name>` runs. */
export const SCENARIOS: Readonly<Record<string, Load>> = {
  /** One of each request: do the store and the script work? So few requests to a cold store say nothing about its speed. */
  smoke: {
    executor: { executor: 'per-vu-iterations', exec: 'everything', vus: 1, iterations: 3 },
    needsShoppers: true,
    classes: [],
  },
  /** Realistic shoppers: they look around, think, and few buy. */
  shoppers: { executor: growing(duration || '5m'), needsShoppers: true, classes: ALL },
  /** Only lists and products. */
  browse: {
    executor: arriving('lookAround', number('RATE', 50), duration || '1m'),
    needsShoppers: false,
    classes: LOOKING,
    thresholds: ALL_ARRIVED,
  },
  /** Only purchases. */
  checkout: {
    executor: arriving('buy', rate, duration || '1m'),
    needsShoppers: true,
    classes: ['cart', 'checkout', 'auth'],
    thresholds: ALL_ARRIVED,
  },
  /**
   * Everyone wants the same scarce product at once; they have signed in before. The audit follows: what matters here is correctness, not
   * the length of the queue.
   */
  'flash-sale': {
    executor: { executor: 'shared-iterations', exec: 'sale', vus: users, iterations: users * 5, maxDuration: '5m' },
    needsShoppers: true,
    classes: ['auth'],
  },
  /** Shoppers for a long time: does anything grow? */
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
  /** Ever more arrivals, until the store can't keep up; stops there. */
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
