import { closedRow, dashboard, graph, logs, row, stat } from './panels.ts';
import { quantileBy, quantiles, rateBy, shareBy } from './promql.ts';

const REQUESTS = 'nginx_http_requests_total';
const CACHED = 'nginx_cache_requests_total';

export const nginxDashboard = dashboard('nginx', 'Nginx', [
  row(
    'Now',
    stat('Requests', 'reqps', { requests: rateBy('', REQUESTS) }),
    stat('Failed (5xx)', 'percentunit', { failed: shareBy('', 'status=~"5.."', REQUESTS) }, { redFrom: 0.001 }),
    stat('p99', 's', { p99: quantileBy('', 0.99, 'nginx_http_request_duration_seconds') }, { redFrom: 0.5 }),
    stat('Answered from the cache', 'percentunit', { hits: shareBy('', 'status="HIT"', CACHED) }),
  ),
  row(
    'Requests',
    graph('By service', 'reqps', { '{{upstream_service}}': rateBy('upstream_service', REQUESTS) }),
    graph('By status', 'reqps', { '{{status}}': rateBy('status', REQUESTS) }, { stacked: true }),
    graph(
      'Failed (5xx) by service',
      'percentunit',
      { '{{upstream_service}}': shareBy('upstream_service', 'status=~"5.."', REQUESTS) },
      { max: 1 },
    ),
    graph('By method', 'reqps', { '{{method}}': rateBy('method', REQUESTS) }),
    graph(
      'Rate limited (429)',
      'percentunit',
      { '{{upstream_service}}': shareBy('upstream_service', 'status="429"', REQUESTS) },
      { max: 1 },
    ),
    graph('Cache', 'reqps', { '{{status}}': rateBy('status', CACHED) }, { stacked: true }),
  ),
  row(
    'Latency',
    graph('Whole request', 's', quantiles('nginx_http_request_duration_seconds')),
    graph('Whole request, p99 by service', 's', {
      '{{upstream_service}}': quantileBy('upstream_service', 0.99, 'nginx_http_request_duration_seconds'),
    }),
    graph('Services only, p99', 's', {
      '{{upstream_service}}': quantileBy('upstream_service', 0.99, 'nginx_http_upstream_duration_seconds'),
    }),
  ),
  row(
    'Connections',
    graph('Open', 'short', {
      active: 'nginx_connections_active',
      reading: 'nginx_connections_reading',
      writing: 'nginx_connections_writing',
      waiting: 'nginx_connections_waiting',
    }),
    graph('New', 'cps', {
      accepted: rateBy('', 'nginx_connections_accepted'),
      handled: rateBy('', 'nginx_connections_handled'),
    }),
    graph('Dropped by Nginx', 'cps', {
      dropped: `${rateBy('', 'nginx_connections_accepted')} - ${rateBy('', 'nginx_connections_handled')}`,
    }),
  ),
  closedRow('Logs', logs('Requests that failed', '{service="nginx"} | json | status >= 500')),
]);
