import { dashboard, graph, row, stat } from './panels.ts';
import { orZero, quantileBy, rate, rateBy, shareBy } from './promql.ts';

const REQUESTS = 'k6_http_reqs_total';
const DURATION = 'k6_http_req_duration';
const SO_FAR = 'Over all requests since the run began, as for the thresholds.';
/** Requests of k6's setup aren't part of the run. */
const BY_USERS = 'scenario!=""';

/** k6 sends percentiles for each kind of request, which can't be aggregated: of several statuses, the slowest is shown. */
const slowestByRequest = (statistic: string) => `max by (name) (${DURATION}_${statistic}{${BY_USERS}})`;
/** k6 sends sums of durations in ms, unlike percentiles. */
const meanBy = (label: string) =>
  `sum by (${label}) (${rate(`${DURATION}_sum{${BY_USERS}}`)}) / (sum by (${label}) (${rate(`${DURATION}_count{${BY_USERS}}`)}) > 0)`;

export const loadDashboard = dashboard('load', 'Load test', [
  row(
    'Now, while npm run load runs',
    stat('Users', 'none', { users: 'sum(k6_vus)' }),
    stat('Visits', 'ops', { visits: rateBy('', 'k6_shopper_flows_total') }),
    stat(
      'Failed requests',
      'percentunit',
      { failed: shareBy('', 'expected_response="false"', REQUESTS) },
      { redFrom: 0.001 },
    ),
    stat('Checks passed', 'percentunit', { passed: 'min(k6_checks_rate)' }, { greenFrom: 0.999, description: SO_FAR }),
  ),
  row(
    'Users and visits',
    graph('Users', 'none', { busy: 'sum(k6_vus)', max: 'sum(k6_vus_max)' }),
    graph('Visits by kind', 'ops', { '{{kind}}': rateBy('kind', 'k6_shopper_flows_total') }, { stacked: true }),
    graph('Orders by outcome', 'ops', { '{{outcome}}': rateBy('outcome', 'k6_orders_total') }, { stacked: true }),
    graph(
      'Dropped visits',
      'ops',
      { dropped: orZero(rateBy('', 'k6_dropped_iterations_total')) },
      { description: 'In open-loop scenarios: k6 had no free user, since all were waiting for responses.' },
    ),
  ),
  row(
    'Requests',
    graph('By class', 'reqps', { '{{class}}': rateBy('class', `${REQUESTS}{${BY_USERS}}`) }, { stacked: true }),
    graph('By status', 'reqps', { '{{status}}': rateBy('status', `${REQUESTS}{${BY_USERS}}`) }, { stacked: true }),
    graph('Failed by class', 'percentunit', {
      '{{class}}': shareBy('class', 'expected_response="false"', `${REQUESTS}{${BY_USERS}}`),
    }),
    graph('Bytes', 'binBps', {
      received: rateBy('', 'k6_data_received_total'),
      sent: rateBy('', 'k6_data_sent_total'),
    }),
  ),
  row(
    'Latency',
    graph('Mean by class', 'ms', { '{{class}}': meanBy('class') }),
    graph('p95 so far', 's', { '{{name}}': slowestByRequest('p95') }, { description: SO_FAR }),
    graph('p99 so far', 's', { '{{name}}': slowestByRequest('p99') }, { description: SO_FAR }),
  ),
  row(
    'The store during the run',
    graph('p99 at Nginx', 's', {
      '{{upstream_service}}': quantileBy('upstream_service', 0.99, 'nginx_http_request_duration_seconds'),
    }),
    graph('Statements by service', 'ops', { '{{job}}': 'job:cassandra_queries:rate1m' }),
    graph(
      'CPU',
      'percentunit',
      { '{{job}}': `sum by (job) (${rate('process_cpu_seconds_total')})` },
      { description: '1 is one core.' },
    ),
    graph('Memory', 'bytes', { '{{job}}': 'sum by (job) (process_resident_memory_bytes)' }),
  ),
]);
