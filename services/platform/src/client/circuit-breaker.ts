import CircuitBreaker from 'opossum';
import type { Gauge } from 'prom-client';
import type { Logger } from '../logging.ts';

export interface CircuitSettings {
  /** Failures in a row that open the circuit. */
  readonly failureThreshold: number;
  /** How long an open circuit waits before it lets one probe through. */
  readonly timeoutMs: number;
  /** Successes in a row, including the probe, that close the circuit. */
  readonly successThreshold: number;
}

export interface Circuit {
  /** Runs `work`, or throws CircuitOpen at once if the circuit is open. Anything that `work` throws counts as a failure. */
  run<Result>(work: () => Promise<Result>): Promise<Result>;
  isOpen(): boolean;
}

/** The circuit is open; nothing was sent. */
export class CircuitOpen extends Error {
  override readonly name = 'CircuitOpen';
}

const CLOSED = 0;
const OPEN = 1;
const HALF_OPEN = 2;

/**
 * opossum with two rules of our own: the circuit opens after failures in a row, not at a failure rate; and after it has been open, a single
 * failure opens it again until enough successes have followed.
 */
export function createCircuit(
  target: string,
  settings: CircuitSettings,
  state: Gauge<'service'>,
  logger: Logger,
): Circuit {
  const breaker = new CircuitBreaker((work: () => Promise<unknown>) => work(), {
    timeout: false,
    resetTimeout: settings.timeoutMs,
    errorThresholdPercentage: 100,
  });
  let failures = 0;
  /** Successes still missing before the circuit counts as closed. */
  let missing = 0;

  const show = () =>
    state.set({ service: target }, breaker.opened ? OPEN : breaker.halfOpen || missing > 0 ? HALF_OPEN : CLOSED);
  breaker.on('open', () => {
    missing = settings.successThreshold;
    failures = 0;
    logger.warn('circuit_opened', `${target} fails; calls are refused for ${settings.timeoutMs} ms.`, { target });
    show();
  });
  breaker.on('halfOpen', show);
  breaker.on('success', () => {
    // A late answer to a call made before the circuit opened.
    if (breaker.opened) return;
    failures = 0;
    if (missing === 0) return;
    missing -= 1;
    if (missing === 0) logger.info('circuit_closed', `${target} answers again.`, { target });
    show();
  });
  breaker.on('failure', () => {
    failures += 1;
    if (!breaker.opened && (missing > 0 || failures >= settings.failureThreshold)) breaker.open();
  });
  show();

  return {
    async run<Result>(work: () => Promise<Result>): Promise<Result> {
      try {
        return (await breaker.fire(work)) as Result;
      } catch (error) {
        if (CircuitBreaker.isOurError(error as Error)) throw new CircuitOpen(`The circuit to ${target} is open.`);
        throw error;
      }
    },
    isOpen: () => breaker.opened,
  };
}
