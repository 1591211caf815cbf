import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Upper bounds in seconds, the same for all latencies, so that they can be compared. */
export const LATENCY_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The metrics of one service. A label has few values: never an id, an address or a URL. */
export interface Metrics {
  readonly registry: Registry;
  /** Given the `values` of its one label, it starts at 0 for each of them, so that the first event shows as an increase. */
  counter<Label extends string>(
    name: string,
    help: string,
    labelNames?: readonly Label[],
    values?: readonly string[],
  ): Counter<Label>;
  /** `read` gives the value at each scrape. */
  gauge(name: string, help: string, read: () => number): void;
  /** 0 closed, 1 open, 2 half-open, for each service called by this one. */
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

  return {
    registry,
    circuitState: new Gauge(common('circuit_breaker_state', '0 closed, 1 open, 2 half-open.', ['service'])),
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
    gauge(name, help, read) {
      new Gauge({
        ...common(name, help, []),
        collect() {
          this.set(read());
        },
      });
    },
    histogram: (name, help, labelNames = []) =>
      new Histogram({ ...common(name, help, labelNames), buckets: LATENCY_BUCKETS }),
  };
}
