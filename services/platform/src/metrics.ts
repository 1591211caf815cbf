import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Upper bounds in seconds, the same for every latency, so that they can be compared. */
export const LATENCY_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The metrics of one service. Labels have few values: never an id, an address or a URL. */
export interface Metrics {
  readonly registry: Registry;
  /** With `values` of its one label it begins at 0 for each of them, so that the first event is seen as a rise. */
  counter<Label extends string>(
    name: string,
    help: string,
    labelNames?: readonly Label[],
    values?: readonly string[],
  ): Counter<Label>;
  /** `read` gives the value at each scrape; without it the gauge is set. */
  gauge<Label extends string>(
    name: string,
    help: string,
    labelNames?: readonly Label[],
    read?: () => number,
  ): Gauge<Label>;
  /** 0 closed, 1 open, 2 half-open, for each service that this one calls. */
  readonly circuitState: Gauge<'service'>;
  /** Seconds. */
  histogram<Label extends string>(name: string, help: string, labelNames?: readonly Label[]): Histogram<Label>;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const common = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) => ({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
  });
  function gauge<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[] = [],
    read?: () => number,
  ) {
    const collect = read && {
      collect(this: Gauge<Label>) {
        this.set(read());
      },
    };
    return new Gauge({ ...common(name, help, labelNames), ...collect });
  }

  return {
    registry,
    circuitState: gauge('circuit_breaker_state', '0 closed, 1 open, 2 half-open.', ['service']),
    counter<Label extends string>(
      name: string,
      help: string,
      labelNames: readonly Label[] = [],
      values: readonly string[] = [],
    ) {
      const counter = new Counter<Label>(common(name, help, labelNames));
      for (const value of values) counter.labels(value).inc(0);
      return counter;
    },
    gauge,
    histogram: (name, help, labelNames = []) =>
      new Histogram({ ...common(name, help, labelNames), buckets: LATENCY_BUCKETS }),
  };
}
