/** A counter's increase per second, over the range that Grafana chooses for the graph's step. */
export function rate(counter: string): string {
  return `rate(${counter}[$__rate_interval])`;
}

/** A counter's increase per second, summed for each combination of `labels`, or in total without labels. */
export function rateBy(labels: string, counter: string): string {
  return `${sumBy(labels)} (${rate(counter)})`;
}

/** A quantile of the histogram `name`, for each combination of `labels`; `labels` and `matchers` may be ''. */
export function quantileBy(labels: string, quantile: number, name: string, matchers = ''): string {
  const buckets = rate(matchers === '' ? `${name}_bucket` : `${name}_bucket{${matchers}}`);
  return `histogram_quantile(${quantile}, ${sumBy(labels === '' ? 'le' : `le, ${labels}`)} (${buckets}))`;
}

/** p50, p95 and p99 of a histogram, over all label values. */
export function quantiles(name: string, matchers = ''): Record<string, string> {
  const of = (quantile: number) => quantileBy('', quantile, name, matchers);
  return { p50: of(0.5), p95: of(0.95), p99: of(0.99) };
}

/** The share of `counter` that `matchers` select, 0 to 1, for each combination of `labels`; 0 without any traffic. */
export function shareBy(labels: string, matchers: string, counter: string): string {
  const all = rateBy(labels, counter);
  return `${rateBy(labels, withMatchers(counter, matchers))} / (${all} > 0) or 0 * ${all}`;
}

/** 0 if there is no series, as for errors that have never happened. */
export function orZero(expression: string): string {
  return `${expression} or vector(0)`;
}

/** Only values above 0, by `label`; a single 0 labelled `none` if there are none. */
export function orNone(label: string, expression: string): string {
  return `${expression} > 0 or label_replace(vector(0), "${label}", "none", "", "")`;
}

function sumBy(labels: string): string {
  return labels === '' ? 'sum' : `sum by (${labels})`;
}

function withMatchers(counter: string, matchers: string): string {
  return counter.endsWith('}') ? `${counter.slice(0, -1)},${matchers}}` : `${counter}{${matchers}}`;
}
