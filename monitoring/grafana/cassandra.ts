import { dashboard, graph, type Panel, row, stat } from './panels.ts';
import { orNone, rate, rateBy } from './promql.ts';

// Latencies are quantiles that Cassandra computes itself over the last minutes: they can't be aggregated across nodes.
const REQUESTS = 'cassandra_client_requests_total';
const LATENCY = 'cassandra_client_request_latency_seconds';
const OF_A_QUERY = {
  description: 'As the coordinator sees it. CAS is Paxos: conditional writes, and reads that must see the latest one.',
};

export const cassandraDashboard = dashboard('cassandra', 'Cassandra', [
  row(
    'Now',
    stat('Nodes up', 'none', { up: 'sum(up{job="cassandra"})' }, { greenFrom: 1 }),
    stat('Requests', 'reqps', { requests: rateBy('', REQUESTS) }),
    stat('Pending compactions', 'none', { pending: 'max(cassandra_compaction_pending_tasks)' }, { redFrom: 20 }),
    stat(
      'Dropped messages in the last hour',
      'none',
      {
        dropped: 'sum(increase(cassandra_dropped_messages_total[1h]))',
      },
      { redFrom: 1 },
    ),
  ),
  row(
    'Requests by scope',
    graph('Requests', 'reqps', { '{{scope}}': rateBy('scope', REQUESTS) }),
    latency('p50', '0.5'),
    latency('p95', '0.95'),
    latency('p99', '0.99'),
    graph('Timed out', 'ops', { '{{scope}}': rateBy('scope', 'cassandra_client_request_timeouts_total') }),
    graph('Refused or failed', 'ops', {
      '{{scope}}, too few nodes': rateBy('scope', 'cassandra_client_request_unavailables_total'),
      '{{scope}}, failed': rateBy('scope', 'cassandra_client_request_failures_total'),
    }),
    graph('Client connections', 'short', { '{{instance}}': 'cassandra_client_connections' }),
    graph('Data on disk', 'bytes', { '{{instance}}': 'cassandra_storage_load_bytes' }),
  ),
  row(
    'Paxos',
    graph('Contended requests', 'ops', {
      '{{scope}}': rateBy('scope', 'cassandra_cas_contended_requests_total'),
    }),
    graph('Retries per contended request, p99', 'short', {
      '{{scope}}': 'max by (scope) (cassandra_cas_contentions{quantile="0.99"})',
    }),
    graph('Conditions not met', 'ops', {
      '{{scope}}': rateBy('scope', 'cassandra_cas_conditions_not_met_total'),
    }),
    graph('Unknown outcomes', 'ops', { '{{scope}}': rateBy('scope', 'cassandra_cas_unknown_results_total') }),
  ),
  row(
    'Storage',
    graph('Pending compactions', 'short', { '{{instance}}': 'cassandra_compaction_pending_tasks' }),
    graph('Compaction throughput', 'binBps', {
      '{{instance}}': rateBy('instance', 'cassandra_compaction_bytes_total'),
    }),
    graph('Tombstones per read, p99', 'short', {
      '{{keyspace}}.{{table}}': 'max by (keyspace, table) (cassandra_table_tombstones_scanned{quantile="0.99"})',
    }),
    graph(
      'Disk usage by table',
      'bytes',
      { '{{keyspace}}.{{table}}': 'sum by (keyspace, table) (cassandra_table_disk_used_bytes)' },
      { stacked: true },
    ),
    graph('Commit log sync wait, p99', 's', {
      '{{instance}}': 'cassandra_commit_log_sync_wait_seconds{quantile="0.99"}',
    }),
    graph('Unexpected exceptions', 'ops', { '{{instance}}': rateBy('instance', 'cassandra_storage_exceptions_total') }),
  ),
  row(
    'Threads',
    graph('Pending tasks by pool', 'short', { '{{pool}}': 'sum by (pool) (cassandra_thread_pool_pending_tasks)' }),
    graph('Active tasks by pool', 'short', { '{{pool}}': 'sum by (pool) (cassandra_thread_pool_active_tasks)' }),
    graph('Tasks blocked by a full queue', 'ops', {
      '{{pool}}': orNone('pool', rateBy('pool', 'cassandra_thread_pool_blocked_tasks_total')),
    }),
    graph('Dropped messages', 'ops', {
      '{{message_type}}': orNone('message_type', rateBy('message_type', 'cassandra_dropped_messages_total')),
    }),
  ),
  row(
    'JVM',
    graph('Memory', 'bytes', { '{{area}} of {{instance}}': 'jvm_memory_used_bytes{job="cassandra"}' }),
    graph(
      'Garbage collection',
      'percentunit',
      { '{{gc}}': rateBy('gc', 'jvm_gc_collection_seconds_sum{job="cassandra"}') },
      {
        description: 'Share of the time that the JVM stands still.',
      },
    ),
    graph('Collections', 'ops', { '{{gc}}': rateBy('gc', 'jvm_gc_collection_seconds_count{job="cassandra"}') }),
    graph(
      'CPU',
      'percentunit',
      { '{{instance}}': rate('process_cpu_seconds_total{job="cassandra"}') },
      { description: '1 is one core.' },
    ),
    graph('Process memory', 'bytes', { '{{instance}}': 'process_resident_memory_bytes{job="cassandra"}' }),
    graph('Threads', 'short', { '{{instance}}': 'jvm_threads_current{job="cassandra"}' }),
  ),
]);

function latency(title: string, quantile: string): Panel {
  return graph(
    `Latency, ${title}`,
    's',
    { '{{scope}}': `max by (scope) (${LATENCY}{quantile="${quantile}"})` },
    OF_A_QUERY,
  );
}
