import { closedRow, type Dashboard, dashboard, graph, logs, type Panel, row, stat, states } from './panels.ts';
import { orNone, orZero, quantileBy, quantiles, rate, rateBy, shareBy } from './promql.ts';

const REQUESTS = 'http_request_duration_seconds';

export const productDashboard = service('product', 'Product', [
  graph('Reservation steps by outcome', 'ops', { '{{outcome}}': rateBy('outcome', 'stock_reservations_total') }),
  stat(
    'Stock invariant violations',
    'none',
    { violations: orZero('sum(stock_invariant_violations_total{job="product"})') },
    { redFrom: 1, description: 'Anything but 0 is a bug: see InvariantBroken in the runbook.' },
  ),
  ...dueWork('product', 'listings'),
]);

export const cartDashboard = service('cart', 'Cart', [
  graph('Cart changes by kind', 'ops', { '{{kind}}': rateBy('kind', 'cart_changes_total') }),
  graph('Cart changes in the last hour', 'short', {
    '{{kind}}': 'sum by (kind) (increase(cart_changes_total[1h]))',
  }),
]);

export const orderDashboard = service('order', 'Order', [
  graph('Orders created', 'ops', { created: rateBy('', 'orders_created_total') }),
  graph('Status changes', 'ops', { '{{from}} → {{to}}': rateBy('from, to', 'order_status_changes_total') }),
  graph('Ordered value per minute, minor units', 'short', {
    '{{currency}}': `60 * ${rateBy('currency', 'order_value_minor_total')}`,
  }),
  graph('Checkout time', 's', quantiles('checkout_duration_seconds'), {
    description: 'From creating an order to its decision, even if that came after the response.',
  }),
  graph('Waiting checkouts', 'short', { '{{instance}}': 'checkouts_waiting' }),
  graph('Checkouts by Idempotency-Key outcome', 'ops', { '{{outcome}}': rateBy('outcome', 'idempotency_total') }),
  ...dueWork('order', 'orders'),
]);

export const userDashboard = service('user', 'User', [
  graph('Registrations', 'ops', { registrations: rateBy('', 'user_registrations_total') }),
  graph('Sign-ins by outcome', 'ops', { '{{outcome}}': rateBy('outcome', 'logins_total') }),
  graph('Refreshes by outcome', 'ops', { '{{outcome}}': rateBy('outcome', 'token_refreshes_total') }),
  graph('Registrations in the last hour', 'short', { registrations: 'sum(increase(user_registrations_total[1h]))' }),
  graph('Sign-ins in the last hour', 'short', { '{{outcome}}': 'sum by (outcome) (increase(logins_total[1h]))' }),
  graph('Time to hash a password', 's', quantiles('password_hash_duration_seconds'), {
    description: 'Not counting the wait in the queue.',
  }),
  graph('Passwords waiting to be hashed', 'short', { '{{instance}}': 'password_hashes_waiting' }),
]);

/** The dashboard of a service: the panels that all share, with its own in between. */
function service(job: string, title: string, business: readonly Panel[]): Dashboard {
  const one = `job="${job}"`;
  const requests = `${REQUESTS}_count{${one}}`;
  const statements = 'cassandra_query_duration_seconds';
  return dashboard(job, `${title} service`, [
    row(
      'Now',
      stat('Replicas up', 'none', { up: `sum(up{${one}})` }, { greenFrom: 1 }),
      stat('Requests', 'reqps', { requests: rateBy('', requests) }),
      stat('Failed (5xx)', 'percentunit', { failed: shareBy('', 'status_code=~"5.."', requests) }, { redFrom: 0.001 }),
      stat('p99', 's', { p99: quantileBy('', 0.99, REQUESTS, one) }, { redFrom: 0.5 }),
    ),
    row(
      'Requests',
      graph('By route', 'reqps', { '{{method}} {{path}}': rateBy('method, path', requests) }),
      graph('By status', 'reqps', { '{{status_code}}': rateBy('status_code', requests) }, { stacked: true }),
      graph(
        'Failed (5xx) by route',
        'percentunit',
        { '{{method}} {{path}}': shareBy('method, path', 'status_code=~"5.."', requests) },
        { max: 1 },
      ),
      graph('Latency', 's', quantiles(REQUESTS, one)),
      graph('p99 by route', 's', { '{{method}} {{path}}': quantileBy('method, path', 0.99, REQUESTS, one) }),
      graph('p99 by replica', 's', { '{{instance}}': quantileBy('instance', 0.99, REQUESTS, one) }),
    ),
    row('Business', ...business),
    ...(job === 'user' ? [] : [circuits(one)]),
    row(
      'Database',
      graph('Statements', 'ops', { '{{query}}': rateBy('query', `${statements}_count{${one}}`) }),
      graph('p99 by statement', 's', { '{{query}}': quantileBy('query', 0.99, statements, one) }),
      graph('Failed statements', 'ops', {
        '{{query}}': orNone('query', rateBy('query', `${statements}_count{${one},outcome!="ok"}`)),
      }),
      graph('Statements in flight', 'short', { '{{instance}}': `cassandra_in_flight_queries{${one}}` }),
      graph('Connection pool', 'short', {
        'connections of {{instance}}': `cassandra_open_connections{${one}}`,
        'nodes of {{instance}}': `cassandra_connected_nodes{${one}}`,
      }),
    ),
    row(
      'Process',
      graph(
        'CPU',
        'percentunit',
        { '{{instance}}': rate(`process_cpu_seconds_total{${one}}`) },
        { description: '1 is one core.' },
      ),
      graph('Memory', 'bytes', {
        '{{instance}}': `process_resident_memory_bytes{${one}}`,
        'heap of {{instance}}': `nodejs_heap_size_used_bytes{${one}}`,
      }),
      graph('Event loop lag, p99', 's', { '{{instance}}': `nodejs_eventloop_lag_p99_seconds{${one}}` }),
      graph('Garbage collection', 'percentunit', {
        '{{kind}}': rateBy('kind', `nodejs_gc_duration_seconds_sum{${one}}`),
      }),
      graph('Open files', 'short', { '{{instance}}': `process_open_fds{${one}}` }),
      graph('Process uptime', 's', { '{{instance}}': `time() - process_start_time_seconds{${one}}` }),
    ),
    closedRow('Logs', logs(`Logs of ${job}`, `{service="${job}"}`)),
  ]);
}

/** Panels of a service's queue of due work. */
function dueWork(job: string, noun: string): Panel[] {
  const one = `job="${job}"`;
  const handled = `due_handled_until_seconds{${one}}`;
  return [
    graph(`Due work on ${noun}`, 'ops', { '{{outcome}}': rateBy('outcome', `due_work_total{${one}}`) }),
    graph(
      'Lag of due work',
      's',
      { '{{instance}}': `clamp_min(timestamp(${handled}) - ${handled}, 0)` },
      { description: 'Normally under 1 s; see WorkerStuck in the runbook.' },
    ),
    graph(`Due work on ${noun} in progress`, 'short', { '{{instance}}': `due_work_in_hand{${one}}` }),
  ];
}

function circuits(matchers: string) {
  return row(
    'Calls to other services',
    states(
      'Circuits',
      { 'to {{service}}, of {{instance}}': `circuit_breaker_state{${matchers}}` },
      { 0: ['closed', 'green'], 1: ['open', 'red'], 2: ['half-open', 'yellow'] },
    ),
    graph(
      'Age of the revocation list',
      's',
      { '{{instance}}': `revocations_age_seconds{${matchers}}` },
      {
        description: 'Fetched from the user service every 3 s.',
      },
    ),
  );
}
