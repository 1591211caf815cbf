import { readSlo } from '../slo.ts';
import { closedRow, dashboard, FIRING, graph, logs, row, stat, states } from './panels.ts';
import { orZero, quantiles, rateBy, shareBy } from './promql.ts';

const P99 = 'class:http_request_duration_seconds:p99_rate5m';
const AT_NGINX = 'nginx_http_requests_total';
const { window, classes } = readSlo();

/** The p99 of each class as a share of its objective. */
const p99OfObjective = Object.fromEntries(
  Object.entries(classes).map(([name, { p99Ms }]) => [name, `${P99}{class="${name}"} / ${p99Ms / 1000}`]),
);
const averageOf = (what: string) => `avg_over_time(class:http_${what}:rate5m[${window}])`;

export const storeDashboard = dashboard('store', 'Store overview', [
  row(
    'Now',
    stat('Alerts firing', 'none', { firing: orZero(`count(${FIRING})`) }, { redFrom: 1 }),
    stat('Processes down', 'none', { down: orZero('count(up == 0)') }, { redFrom: 1 }),
    stat('Requests', 'reqps', { requests: rateBy('', AT_NGINX) }),
    stat('Failed (5xx)', 'percentunit', { failed: shareBy('', 'status=~"5.."', AT_NGINX) }, { redFrom: 0.001 }),
  ),
  row(
    'Objectives by class of requests (see Service levels)',
    stat(
      `Error budget left of ${window}`,
      'percentunit',
      { '{{class}}': `1 - ${averageOf('errors')} / ${averageOf('requests')} / class:error_budget:ratio` },
      { greenFrom: 0, instant: true },
    ),
    stat('p99 as a share of the objective', 'percentunit', p99OfObjective, { redFrom: 1 }),
    graph(
      'Burn rate of the error budget, 1 h',
      'none',
      {
        '{{class}}': 'class:http_errors:ratio_rate1h / class:error_budget:ratio',
      },
      { description: '1 uses the budget up exactly by the end of its window; 14.4 pages someone.' },
    ),
    graph('p99', 's', { '{{class}}': P99 }),
  ),
  row(
    'Alerts',
    states(
      'Firing',
      {
        '{{alertname}} {{job}} {{class}} {{service}}':
          'max by (alertname, job, class, service) (ALERTS{alertstate="firing"})',
      },
      { 1: ['firing', 'orange'] },
      {
        description: 'DeadMan always fires: gaps in it are times without monitoring.',
      },
    ),
    states('Processes', { '{{job}} {{instance}}': 'up' }, { 0: ['down', 'red'], 1: ['up', 'green'] }),
  ),
  row(
    'Requests, failures and latency by service',
    graph('Requests', 'reqps', { '{{job}}': 'job:http_requests:rate1m' }),
    graph('Failed (5xx)', 'percentunit', { '{{job}}': 'job:http_errors:ratio_rate1m' }),
    graph('p99', 's', { '{{job}}': 'job:http_request_duration_seconds:p99_rate1m' }),
  ),
  row(
    'Business',
    graph('Orders', 'ops', {
      created: rateBy('', 'orders_created_total'),
      '{{to}}': rateBy('to', 'order_status_changes_total{to=~"confirmed|cancelled|rejected|delivered"}'),
    }),
    graph('Revenue per minute, minor units', 'short', {
      '{{currency}}': `60 * ${rateBy('currency', 'order_value_minor_total')}`,
    }),
    graph('Checkout time', 's', quantiles('checkout_duration_seconds')),
    graph('Registrations', 'ops', { registrations: rateBy('', 'user_registrations_total') }),
    graph('Sign-ins by outcome', 'ops', { '{{outcome}}': rateBy('outcome', 'logins_total') }),
    graph('Cart changes by kind', 'ops', { '{{kind}}': rateBy('kind', 'cart_changes_total') }),
    graph('Stock reservations by outcome', 'ops', { '{{outcome}}': rateBy('outcome', 'stock_reservations_total') }),
    stat(
      'Stock invariant violations',
      'none',
      { violations: orZero('sum(stock_invariant_violations_total)') },
      { redFrom: 1 },
    ),
  ),
  row(
    'Resources',
    graph('Statements by service', 'ops', { '{{job}}': 'job:cassandra_queries:rate1m' }),
    graph('Statements, p99', 's', { '{{job}}': 'job:cassandra_query_duration_seconds:p99_rate1m' }),
    graph(
      'CPU',
      'percentunit',
      { '{{job}}': 'sum by (job) (rate(process_cpu_seconds_total[$__rate_interval]))' },
      {
        description: '1 is one core.',
      },
    ),
    graph('Memory', 'bytes', { '{{job}}': 'sum by (job) (process_resident_memory_bytes)' }),
  ),
  closedRow('Logs', logs('Warnings and errors of all services', '{level=~"warn|error"}')),
]);
