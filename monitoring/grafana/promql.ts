/** Of a counter, per second, over what Grafana finds wide enough for the graph's steps. */
export function rate(counter: string): string {
  return `rate(${counter}[$__rate_interval])`;
}

/** Per second, summed for each combination of `labels`; without any, over all. */
export function rateBy(labels: string, counter: string): string {
  return `${sumBy(labels)} (${rate(counter)})`;
}

/** A quantile of a histogram, for each combination of `labels`. `name` is the histogram's, `matchers` may be ''. */
export function quantileBy(labels: string, quantile: number, name: string, matchers = ''): string {
  const buckets = rate(matchers === '' ? `${name}_bucket` : `${name}_bucket{${matchers}}`);
  return `histogram_quantile(${quantile}, ${sumBy(labels === '' ? 'le' : `le, ${labels}`)} (${buckets}))`;
}

/** p50, p95 and p99 of a histogram over all. */
export function quantiles(name: string, matchers = ''): Record<string, string> {
  const of = (quantile: number) => quantileBy('', quantile, name, matchers);
  return { p50: of(0.5), p95: of(0.95), p99: of(0.99) };
}

/** The share of `counter` that `matchers` pick out, 0 to 1, for each combination of `labels`; 0 where nothing comes. */
export function shareBy(labels: string, matchers: string, counter: string): string {
  const all = rateBy(labels, counter);
  return `${rateBy(labels, withMatchers(counter, matchers))} / (${all} > 0) or 0 * ${all}`;
}

/** 0 where there is nothing, as for faults that have never been. */
export function orZero(expression: string): string {
  return `${expression} or vector(0)`;
}

/** Only what isn't 0, by `label`; one 0 under the name `none` where nothing is left. */
export function orNone(label: string, expression: string): string {
  return `${expression} > 0 or label_replace(vector(0), "${label}", "none", "", "")`;
}

function sumBy(labels: string): string {
  return labels === '' ? 'sum' : `sum by (${labels})`;
}

function withMatchers(counter: string, matchers: string): string {
  return counter.endsWith('}') ? `${counter.slice(0, -1)},${matchers}}` : `${counter}{${matchers}}`;
}
