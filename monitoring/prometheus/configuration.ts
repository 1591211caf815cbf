import { readFileSync } from 'node:fs';
import path from 'node:path';

export type Job =
  | 'product'
  | 'cart'
  | 'order'
  | 'user'
  | 'nginx'
  | 'nginx-log'
  | 'cassandra'
  | 'node'
  | 'prometheus'
  | 'alertmanager';

/** host:port of each, or names whose addresses change, as those of containers do. */
export type Targets = readonly string[] | { readonly names: readonly string[]; readonly port: number };

export interface PrometheusSettings {
  readonly targets: Readonly<Record<Job, Targets>>;
  /** The folder of the rules, as Prometheus sees it. */
  readonly rulesDir: string;
}

const TEMPLATE = path.join(import.meta.dirname, 'prometheus.yml.template');

/** The text of prometheus.yml. */
export function renderPrometheus({ targets, rulesDir }: PrometheusSettings): string {
  const values = new Map(Object.entries(targets).map(([job, each]) => [toPlaceholder(job), renderTargets(each)]));
  values.set('RULES', path.join(rulesDir, '*.rules.yml'));
  return readFileSync(TEMPLATE, 'utf8').replace(/\$\{([A-Z_]+)\}/g, (_, name: string) => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`prometheus.yml.template contains ${name}, which has no value.`);
    return value;
  });
}

function toPlaceholder(job: string): string {
  return job.toUpperCase().replaceAll('-', '_');
}

/** As JSON, which is valid YAML. */
function renderTargets(targets: Targets): string {
  if (!('names' in targets)) return `static_configs: ${JSON.stringify([{ targets }])}`;
  const { names, port } = targets;
  return `dns_sd_configs: ${JSON.stringify([{ names, type: 'A', port, refresh_interval: '5s' }])}`;
}
