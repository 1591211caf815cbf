import * as common from '@grafana/grafana-foundation-sdk/common';
import * as grafana from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as Logs } from '@grafana/grafana-foundation-sdk/logs';
import { DataqueryBuilder as LokiQuery } from '@grafana/grafana-foundation-sdk/loki';
import { DataqueryBuilder as PrometheusQuery } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as Stat } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StateTimeline } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as TimeSeries } from '@grafana/grafana-foundation-sdk/timeseries';
import type * as units from '@grafana/grafana-foundation-sdk/units';

/** One of Grafana's units; any other text doesn't compile. */
export type Unit = Extract<(typeof units)[keyof typeof units], string>;
/** PromQL by legend; `{{label}}` in a legend is that label's value. */
export type Series = Readonly<Record<string, string>>;
export type Panel = Stat | TimeSeries | StateTimeline | Logs;

export interface Row {
  readonly title: string;
  /** A closed row sends no queries until someone opens it. */
  readonly closed?: boolean;
  readonly panels: readonly Panel[];
}

export type Dashboard = grafana.Dashboard;

/** As in provisioning/datasources. */
const PROMETHEUS = { type: 'prometheus', uid: 'prometheus' };
const LOKI = { type: 'loki', uid: 'loki' };
const TAG = 'product-store';
/** Alerts for people, so without the dead man's switch, which always fires. */
export const FIRING = 'ALERTS{alertstate="firing",severity=~"page|ticket"}';

interface Look {
  readonly description?: string;
  /** Highest possible value. */
  readonly max?: number;
  /** The series are parts of a whole. */
  readonly stacked?: boolean;
}

/** Lines over time. */
export function graph(title: string, unit: Unit, series: Series, { description, max, stacked = false }: Look = {}) {
  const panel = new TimeSeries()
    .title(title)
    .unit(unit)
    .min(0)
    .datasource(PROMETHEUS)
    .height(8)
    .lineWidth(1)
    .fillOpacity(stacked ? 40 : 8)
    .showPoints(common.VisibilityMode.Never)
    .legend(new common.VizLegendOptionsBuilder().showLegend(true))
    .tooltip(
      new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending),
    )
    .targets(toQueries(series));
  if (stacked) panel.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal).group('A'));
  if (max !== undefined) panel.max(max);
  return description === undefined ? panel : panel.description(description);
}

interface Judgement {
  readonly description?: string;
  /** Red from this value on, green below. */
  readonly redFrom?: number;
  /** Green from this value on, red below. */
  readonly greenFrom?: number;
  /** Queried once instead of for each point of the sparkline; for ranges of days. */
  readonly instant?: boolean;
}

/** Each series as its last value, over a sparkline. */
export function stat(title: string, unit: Unit, series: Series, judgement: Judgement = {}) {
  const panel = new Stat()
    .title(title)
    .unit(unit)
    .datasource(PROMETHEUS)
    .height(4)
    .graphMode(common.BigValueGraphMode.Area)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .thresholds(toThresholds(judgement))
    .targets(toQueries(series, judgement.instant));
  return judgement.description === undefined ? panel : panel.description(judgement.description);
}

/** The state of something over time; `names` has a word for each value. */
export function states(
  title: string,
  series: Series,
  names: Readonly<Record<number, readonly [string, Colour]>>,
  { description }: Pick<Look, 'description'> = {},
) {
  const options = Object.fromEntries(
    Object.entries(names).map(([value, [text, color]], index) => [value, { text, color, index }]),
  );
  const panel = new StateTimeline()
    .title(title)
    .unit('none' satisfies Unit)
    .datasource(PROMETHEUS)
    .height(8)
    .mappings([{ type: grafana.MappingType.ValueToText, options }])
    .targets(toQueries(series));
  return description === undefined ? panel : panel.description(description);
}

type Colour = 'green' | 'yellow' | 'orange' | 'red' | 'blue' | 'transparent';

/** Log lines, newest first; only with the compose profile `observability`. */
export function logs(title: string, logql: string) {
  return new Logs()
    .title(title)
    .unit('none' satisfies Unit)
    .datasource(LOKI)
    .height(12)
    .showTime(true)
    .wrapLogMessage(true)
    .enableLogDetails(true)
    .sortOrder(common.LogsSortOrder.Descending)
    .targets([new LokiQuery().refId('A').datasource(LOKI).expr(logql)]);
}

export function row(title: string, ...panels: readonly Panel[]): Row {
  return { title, panels };
}

export function closedRow(title: string, ...panels: readonly Panel[]): Row {
  return { title, closed: true, panels };
}

/** A dashboard at `/d/<uid>`, with its rows from top to bottom. */
export function dashboard(uid: string, title: string, rows: readonly Row[]): Dashboard {
  let id = 0;
  const place = (panel: Panel, width: number) => {
    id += 1;
    return panel.id(id).span(width);
  };
  const built = new grafana.DashboardBuilder(title)
    .uid(uid)
    .tags([TAG])
    .readonly()
    .time({ from: 'now-30m', to: 'now' })
    .refresh('10s')
    .tooltip(grafana.DashboardCursorSync.Crosshair)
    .annotation(
      new grafana.AnnotationQueryBuilder()
        .name('Alerts')
        .datasource(PROMETHEUS)
        .enable(true)
        .iconColor('red')
        .expr(FIRING)
        .titleFormat('{{alertname}}'),
    )
    .link(
      new grafana.DashboardLinkBuilder('Dashboards')
        .type(grafana.DashboardLinkType.Dashboards)
        .tags([TAG])
        .keepTime(true),
    );
  for (const { title, closed = false, panels } of rows) {
    id += 1;
    const header = new grafana.RowBuilder(title).id(id);
    const width = 24 / columnsFor(panels.length);
    if (closed) for (const panel of panels) header.withPanel(place(panel, width));
    built.withRow(header);
    if (!closed) for (const panel of panels) built.withPanel(place(panel, width));
  }
  return built.build();
}

function columnsFor(panels: number): number {
  if (panels <= 4) return panels;
  return panels % 4 === 0 ? 4 : 3;
}

function toQueries(series: Series, instant = false) {
  return Object.entries(series).map(([legend, expression], index) => {
    const query = new PrometheusQuery()
      .refId(String.fromCharCode(65 + index))
      .datasource(PROMETHEUS)
      .expr(expression)
      .legendFormat(legend);
    return instant ? query.instant() : query.range();
  });
}

function toThresholds({ redFrom, greenFrom }: Judgement) {
  const steps =
    redFrom !== undefined
      ? [step(null, 'green'), step(redFrom, 'red')]
      : greenFrom !== undefined
        ? [step(null, 'red'), step(greenFrom, 'green')]
        : [step(null, 'blue')];
  return new grafana.ThresholdsConfigBuilder().mode(grafana.ThresholdsMode.Absolute).steps(steps);
}

function step(value: number | null, color: Colour): grafana.Threshold {
  return { value, color };
}
