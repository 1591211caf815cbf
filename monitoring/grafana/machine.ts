import { dashboard, graph, row, stat } from './panels.ts';
import { rate, rateBy } from './promql.ts';

const CPU = 'node_cpu_seconds_total';
const BUSY = `1 - avg(${rate(`${CPU}{mode="idle"}`)})`;
const MEMORY = '1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes';
/** The used share of the fullest disk. */
const DISK = 'max(1 - node_filesystem_avail_bytes / node_filesystem_size_bytes)';

export const machineDashboard = dashboard('machine', 'Machine', [
  row(
    'Now',
    stat('CPU', 'percentunit', { busy: BUSY }, { redFrom: 0.9 }),
    stat('Memory', 'percentunit', { used: MEMORY }, { redFrom: 0.9 }),
    stat('Fullest disk', 'percentunit', { used: DISK }, { redFrom: 0.85 }),
    stat(
      'Load per core',
      'short',
      { load: `node_load1 / on (instance) count by (instance) (${CPU}{mode="idle"})` },
      { redFrom: 2 },
    ),
  ),
  row(
    'Machine',
    graph(
      'CPU',
      'percentunit',
      { '{{mode}}': `avg by (mode) (${rate(`${CPU}{mode!="idle"}`)})` },
      { max: 1, stacked: true },
    ),
    graph('Memory', 'bytes', {
      total: 'node_memory_MemTotal_bytes',
      available: 'node_memory_MemAvailable_bytes',
      cache: 'node_memory_Cached_bytes',
    }),
    graph('Load', 'short', { '1 min': 'node_load1', '5 min': 'node_load5', '15 min': 'node_load15' }),
  ),
  row(
    'Disks',
    graph('Reads', 'binBps', { '{{device}}': rateBy('device', 'node_disk_read_bytes_total') }),
    graph('Writes', 'binBps', { '{{device}}': rateBy('device', 'node_disk_written_bytes_total') }),
    graph('Busy', 'percentunit', { '{{device}}': rateBy('device', 'node_disk_io_time_seconds_total') }, { max: 1 }),
    graph('Free space', 'bytes', { '{{mountpoint}}': 'node_filesystem_avail_bytes' }),
  ),
  row(
    'Store processes',
    graph('CPU', 'percentunit', { '{{job}} {{instance}}': rate('process_cpu_seconds_total') }),
    graph('Memory', 'bytes', { '{{job}} {{instance}}': 'process_resident_memory_bytes' }),
    graph('Restarts in the last hour', 'short', { '{{job}} {{instance}}': 'changes(process_start_time_seconds[1h])' }),
  ),
]);
