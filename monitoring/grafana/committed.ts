import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** What Grafana reads, as far as tests and pictures need it. */
export interface CommittedDashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly CommittedPanel[];
}

export interface CommittedPanel {
  readonly type: 'row' | 'stat' | 'timeseries' | 'state-timeline' | 'logs';
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit?: string;
      readonly mappings?: readonly { readonly options: Readonly<Record<string, { text: string; color: string }>> }[];
      readonly thresholds?: { readonly steps: readonly { value: number | null; color: string }[] };
    };
  };
  readonly targets?: readonly Query[];
  /** Of a closed row. */
  readonly panels?: readonly CommittedPanel[];
}

export interface Query {
  readonly expr: string;
  readonly legendFormat?: string;
  readonly instant?: boolean;
  readonly datasource: { readonly uid: string };
}

/** Seconds over which Grafana asks for a rate at least: four times the datasource's `timeInterval`. */
export const SHORTEST_RATE = 40;

/** The dashboards as they are under version control. */
export function readCommitted(): CommittedDashboard[] {
  const folder = path.join(import.meta.dirname, 'dashboards');
  return globSync('*.json', { cwd: folder })
    .sort()
    .map((file) => JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as CommittedDashboard);
}

/** Of a dashboard, in its order, also in closed rows; the rows themselves are left out. */
export function panelsOf({ panels }: Pick<CommittedDashboard, 'panels'>): CommittedPanel[] {
  return panels.flatMap((panel) => (panel.type === 'row' ? panelsOf({ panels: panel.panels ?? [] }) : [panel]));
}

/** What Grafana sends for a query to Prometheus, when its graph's steps call for this range of rates. */
export function toPromql({ expr }: Query, rateInterval: string): string {
  return expr.replaceAll('$__rate_interval', rateInterval);
}
