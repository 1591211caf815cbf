import { dashboard, FIRING, graph, row, stat, states } from './panels.ts';
import { orZero, quantileBy, rate, rateBy } from './promql.ts';

export const prometheusDashboard = dashboard('prometheus', 'Prometheus', [
  row(
    'Now',
    stat('Targets down', 'none', { down: orZero('count(up == 0)') }, { redFrom: 1 }),
    stat('Alerts firing', 'none', { firing: orZero(`count(${FIRING})`) }, { redFrom: 1 }),
    stat(
      'Failed rule evaluations in the last hour',
      'none',
      {
        failed: 'sum(increase(prometheus_rule_evaluation_failures_total[1h]))',
      },
      { redFrom: 1 },
    ),
    stat('Series', 'short', { series: 'prometheus_tsdb_head_series' }),
  ),
  row(
    'Scraping',
    states('Targets', { '{{job}} {{instance}}': 'up' }, { 0: ['down', 'red'], 1: ['up', 'green'] }),
    graph('Scrape duration', 's', { '{{job}} {{instance}}': 'scrape_duration_seconds' }),
    graph('Samples per scrape', 'short', { '{{job}} {{instance}}': 'scrape_samples_scraped' }),
    graph('Samples ingested', 'cps', { samples: rateBy('', 'prometheus_tsdb_head_samples_appended_total') }),
    graph('Series by job', 'short', { '{{job}}': 'sum by (job) (scrape_samples_post_metric_relabeling)' }),
    graph('New series', 'short', { '{{job}}': 'sum by (job) (scrape_series_added)' }),
  ),
  row(
    'Rules and alerts',
    graph('Rule group duration', 's', {
      // Strips the file name.
      '{{group}}': 'label_replace(prometheus_rule_group_last_duration_seconds, "group", "$1", "rule_group", ".*;(.*)")',
    }),
    graph('Notifications sent', 'ops', {
      '{{alertmanager}}': rateBy('alertmanager', 'prometheus_notifications_sent_total'),
    }),
    graph('Notifications lost', 'ops', {
      dropped: rateBy('', 'prometheus_notifications_dropped_total'),
      failed: rateBy('', 'alertmanager_notifications_failed_total'),
    }),
    graph('Alerts in Alertmanager', 'short', { '{{state}}': 'sum by (state) (alertmanager_alerts)' }),
  ),
  row(
    'Prometheus itself',
    graph('Query, p99', 's', {
      '{{slice}}': 'max by (slice) (prometheus_engine_query_duration_seconds{quantile="0.99"})',
    }),
    graph('HTTP, p99 by handler', 's', {
      '{{handler}}': quantileBy('handler', 0.99, 'prometheus_http_request_duration_seconds'),
    }),
    graph('Blocks on disk', 'bytes', { blocks: 'prometheus_tsdb_storage_blocks_bytes' }),
    graph('CPU', 'percentunit', { '{{job}}': rate('process_cpu_seconds_total{job=~"prometheus|alertmanager"}') }),
    graph('Memory', 'bytes', { '{{job}}': 'process_resident_memory_bytes{job=~"prometheus|alertmanager"}' }),
    graph('Configuration loaded', 'bool_yes_no', {
      Prometheus: 'prometheus_config_last_reload_successful',
      Alertmanager: 'alertmanager_config_last_reload_successful',
    }),
  ),
]);
