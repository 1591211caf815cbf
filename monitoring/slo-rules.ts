import { stringify } from 'yaml';
import { LATENCY_BUCKETS } from '#platform/metrics.ts';
import type { Slo, SloClass, SloRoute } from './slo.ts';

interface Recording {
  readonly record: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
}

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: { readonly summary: string; readonly description: string; readonly runbook_url: string };
}

const HISTOGRAM = 'http_request_duration_seconds';
const RUNBOOK = 'http://localhost:8080/docs/runbook/';
/** The share of requests that may be slower than the p99, by definition. */
const SLOW_BUDGET = 0.01;
const LONGER_WINDOWS = ['30m', '1h', '2h', '6h', '1d', '3d'];
/**
 * Burn rates of the 30-day budget, each over a long and a short window; the short one ends the alert soon after the problem.
 * See "Alerting on SLOs" in the SRE workbook: https://sre.google/workbook/alerting-on-slos/
 */
const BURNS = [
  { factor: 14.4, long: '1h', short: '5m', severity: 'page', gone: '2 %' },
  { factor: 6, long: '6h', short: '30m', severity: 'page', gone: '5 %' },
  { factor: 3, long: '1d', short: '2h', severity: 'ticket', gone: '10 %' },
  { factor: 1, long: '3d', short: '6h', severity: 'ticket', gone: '10 %' },
];

/** Recording and alerting rules for the objectives, as a rule file for Prometheus. */
export function toSloRules(slo: Slo): string {
  const classes = Object.entries(slo.classes);
  const groups = [
    {
      name: 'slo-classes',
      interval: '15s',
      rules: classes.flatMap(([name, objective]) => recordClass(name, objective)),
    },
    { name: 'slo-windows', interval: '30s', rules: ['errors', 'slow_requests'].flatMap(recordRatios) },
    { name: 'slo-alerts', rules: [...highP99Latency(slo), ...errorBudgetBurn(), ...latencyBudgetBurn()] },
  ];
  return stringify({ groups }, { lineWidth: 0 });
}

/** Upper bound in seconds of the bucket whose requests count as fast: the p99, or the next bound above it. */
export function fastBound({ p99Ms }: SloClass): number {
  const bound = LATENCY_BUCKETS.find((seconds) => seconds * 1000 >= p99Ms);
  if (bound === undefined) throw new Error(`A p99 of ${p99Ms} ms is beyond the last bucket of the histogram.`);
  return bound;
}

function recordClass(name: string, objective: SloClass): Recording[] {
  const record = (metric: string, expr: string) => ({ record: `class:${metric}`, expr, labels: { class: name } });
  const rate = (suffix: string, condition = '') => rateOf(objective.routes, suffix, condition);
  const quantile = (share: number) => `histogram_quantile(${share}, sum by (le) (${rate('bucket')}))`;
  return [
    record('error_budget:ratio', `vector(${round(1 - objective.availability)})`),
    record('http_requests:rate5m', `sum(${rate('count')})`),
    // Without the zero, a class that has never failed would have no ratio.
    record('http_errors:rate5m', `sum(${rate('count', 'status_code=~"5.."')}) or 0 * sum(${rate('count')})`),
    record('http_slow_requests:rate5m', `sum(${rate('count')}) - sum(${rate('bucket', upTo(fastBound(objective)))})`),
    record(`${HISTOGRAM}:p95_rate5m`, quantile(0.95)),
    record(`${HISTOGRAM}:p99_rate5m`, quantile(0.99)),
  ];
}

/** Rates of all routes of a class; routes of one service and method share a selector. */
function rateOf(routes: readonly SloRoute[], suffix: string, condition: string): string {
  const groups = Map.groupBy(routes, ({ job, method }) => `job="${job}",method="${method}"`);
  return [...groups]
    .map(([labels, group]) => {
      const conditions = [labels, pathsOf(group), condition].filter(Boolean).join(',');
      return `rate(${HISTOGRAM}_${suffix}{${conditions}}[5m])`;
    })
    .join(' or ');
}

function pathsOf(routes: readonly SloRoute[], operator = '='): string {
  const labels = [...new Set(routes.map(toPathLabel))];
  return labels.length === 1 && operator === '=' ? `path="${labels[0]}"` : `path${operator}~"${labels.join('|')}"`;
}

/** Prometheus 3 writes whole bounds as 1.0, Prometheus 2 as exported. */
function upTo(bound: number): string {
  return Number.isInteger(bound) ? `le=~"${bound}([.]0)?"` : `le="${bound}"`;
}

/** The services label requests with Express's path pattern. */
function toPathLabel({ path }: SloRoute): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

/** Averages of 5-minute rates, so that Prometheus doesn't have to read days of raw samples. */
function recordRatios(what: string): Recording[] {
  const toRatio = (window: string) =>
    `avg_over_time(class:http_${what}:rate5m[${window}]) / (avg_over_time(class:http_requests:rate5m[${window}]) > 0)`;
  return [
    {
      record: `class:http_${what}:ratio_rate5m`,
      expr: `class:http_${what}:rate5m / (class:http_requests:rate5m > 0)`,
    },
    ...LONGER_WINDOWS.map((window) => ({ record: `class:http_${what}:ratio_rate${window}`, expr: toRatio(window) })),
  ];
}

function highP99Latency({ highP99Ms, classes }: Slo): Alert[] {
  const { routes, p99Ms } = classes.auth;
  // A single slow request is in a one-minute rate for less than a minute, so it takes a second one to fire.
  const alert = (summary: string, paths: string, limitMs: number, labels: Record<string, string>): Alert => ({
    alert: 'HighP99Latency',
    expr: `histogram_quantile(0.99, sum by (job, le) (rate(${HISTOGRAM}_bucket{${paths}}[1m]))) > ${limitMs / 1000}`,
    for: '1m',
    labels: { severity: 'ticket', ...labels },
    annotations: {
      summary,
      description: `The p99 is {{ $value | humanizeDuration }} and has been over ${limitMs} ms for a minute.`,
      runbook_url: runbookOf('HighP99Latency'),
    },
  });
  return [
    alert('The {{ $labels.job }} service is slow.', pathsOf(routes, '!'), highP99Ms, {}),
    alert('Sign-ins are slow.', pathsOf(routes), p99Ms, { class: 'auth' }),
  ];
}

function errorBudgetBurn(): Alert[] {
  return BURNS.map(({ factor, long, short, severity, gone }) => {
    const isOver = (window: string) => `class:http_errors:ratio_rate${window} > ${factor} * class:error_budget:ratio`;
    return {
      alert: 'ErrorBudgetBurn',
      expr: `${isOver(long)} and ${isOver(short)}`,
      labels: { severity, burn: String(factor) },
      annotations: {
        summary: `The class {{ $labels.class }} burns its error budget at over ${factor} times the sustainable rate.`,
        description: `{{ $value | humanizePercentage }} of the requests in ${long} failed: over ${gone} of the budget.`,
        runbook_url: runbookOf('ErrorBudgetBurn'),
      },
    };
  });
}

/** Tickets only: slowness loses no order, so it can wait for working hours. */
function latencyBudgetBurn(): Alert[] {
  return BURNS.map(({ factor, long, short, gone }) => {
    const isOver = (window: string) => `class:http_slow_requests:ratio_rate${window} > ${round(factor * SLOW_BUDGET)}`;
    return {
      alert: 'LatencyBudgetBurn',
      expr: `${isOver(long)} and ${isOver(short)}`,
      labels: { severity: 'ticket', burn: String(factor) },
      annotations: {
        summary: `Too many requests of the class {{ $labels.class }} are slower than its p99 objective.`,
        description: `{{ $value | humanizePercentage }} of the requests in ${long} were slow, where 1 % may be: over ${gone} of the budget.`,
        runbook_url: runbookOf('LatencyBudgetBurn'),
      },
    };
  });
}

/** MkDocs lower-cases a heading to make its anchor. */
function runbookOf(alert: string): string {
  return `${RUNBOOK}#${alert.toLowerCase()}`;
}

/** Removes binary rounding errors: 1 − 0.999 is 0.001. */
function round(ratio: number): number {
  return Number(ratio.toFixed(6));
}
