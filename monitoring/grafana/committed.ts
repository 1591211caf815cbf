import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The parts of a dashboard that tests and pictures need. */
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
  /** A closed row's. */
  readonly panels?: readonly CommittedPanel[];
}

export interface Query {
  readonly expr: string;
  readonly legendFormat?: string;
  readonly instant?: boolean;
  readonly datasource: { readonly uid: string };
}

/** The shortest range of a rate in Grafana, in seconds: four times the datasource's `timeInterval`. */
export const SHORTEST_RATE = 40;

/** The committed dashboards. */
export function readCommitted(): CommittedDashboard[] {
  const folder = path.join(import.meta.dirname, 'dashboards');
  return globSync('*.json', { cwd: folder })
    .sort()
    .map((file) => JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as CommittedDashboard);
}

/** The panels of a dashboard in order, including those in closed rows, but not the rows themselves. */
export function panelsOf({ panels }: Pick<CommittedDashboard, 'panels'>): CommittedPanel[] {
  return panels.flatMap((panel) => (panel.type === 'row' ? panelsOf({ panels: panel.panels ?? [] }) : [panel]));
}

/** The PromQL that Grafana sends for a query, with this range for rates. */
export function toPromql({ expr }: Query, rateInterval: string): string {
  return expr.replaceAll('$__rate_interval', rateInterval);
}
