import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createPrometheusClient, type Labels, type PrometheusClient, type Range } from '../prometheus/client.ts';
import {
  type CommittedDashboard,
  type CommittedPanel,
  type Query,
  readCommitted,
  SHORTEST_RATE,
  toPromql,
} from './committed.ts';
import { drawPanel, escapeHtml, type NamedLine } from './picture.ts';

const HELP = `npm run dashboards:render: draws every dashboard from the data in Prometheus, one page each, for use without Grafana.

  --prometheus <url>   (http://127.0.0.1:9090)
  --minutes <n>        how far back the graphs go (15)
  --out <folder>       (.store/monitoring/dashboards)
`;

const POINTS = 120;
const STYLE = `
  body { background: #111217; color: #ccccdc; font: 13px system-ui, sans-serif; margin: 16px }
  nav a { color: #8ab8ff; margin-right: 12px }
  main { display: grid; grid-template-columns: repeat(24, 1fr); gap: 8px }
  section { background: #181b1f; border: 1px solid #2a2d33; padding: 6px 8px; min-width: 0 }
  h2 { grid-column: 1 / -1; font-size: 15px; margin: 10px 0 0 }
  h3 { font-size: 13px; font-weight: 500; margin: 0 0 4px }
  svg { width: 100% } line { stroke: #2f333b } polyline { fill: none; stroke-width: 1.5 }
  text { fill: #9a9ba5; font-size: 11px } text.over { fill: #fff; stroke: #111217; stroke-width: 3; paint-order: stroke }
  .legend { max-height: 70px; overflow: hidden; font-size: 11px } .legend span { margin-right: 10px; white-space: nowrap }
  .legend i { display: inline-block; width: 10px; height: 3px; margin-right: 4px; vertical-align: middle }
  .numbers { display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: 24px } .numbers small { display: block; font-size: 11px; color: #9a9ba5 }
  .empty { color: #f2495c }
`;

interface Rendering {
  readonly prometheusUrl: string;
  readonly minutes: number;
  readonly outDir: string;
}

/** Draws all dashboards; gives the paths of their pages. */
export async function renderDashboards({ prometheusUrl, minutes, outDir }: Rendering): Promise<string[]> {
  const prometheus = createPrometheusClient(prometheusUrl);
  const dashboards = readCommitted();
  const to = Math.floor(Date.now() / 1000);
  const range = { from: to - minutes * 60, to, step: Math.max(5, Math.round((minutes * 60) / POINTS)) };
  mkdirSync(outDir, { recursive: true });
  const files: string[] = [];
  for (const dashboard of dashboards) {
    const file = path.join(outDir, `${dashboard.uid}.html`);
    writeFileSync(file, toPage(dashboard, await drawPanels(dashboard, prometheus, range), dashboards));
    files.push(file);
  }
  return files;
}

async function drawPanels({ panels }: CommittedDashboard, prometheus: PrometheusClient, range: Range) {
  const parts: string[] = [];
  for (const panel of panels) {
    if (panel.type === 'row') parts.push(`<h2>${escapeHtml(panel.title)}</h2>`);
    else parts.push(await drawSection(panel, prometheus, range));
  }
  return parts;
}

async function drawSection(panel: CommittedPanel, prometheus: PrometheusClient, range: Range): Promise<string> {
  const { title, description = '', gridPos, targets = [] } = panel;
  const lines = await Promise.all(targets.map((query) => linesOf(query, prometheus, range)));
  const head = `<h3 title="${escapeHtml(description)}">${escapeHtml(title)}</h3>`;
  return `<section style="grid-column: span ${gridPos.w}">${head}${drawPanel(panel, lines.flat(), range)}</section>`;
}

async function linesOf(query: Query, prometheus: PrometheusClient, range: Range): Promise<NamedLine[]> {
  const expression = toPromql(query, `${Math.max(SHORTEST_RATE, 4 * range.step)}s`);
  const lines = query.instant
    ? (await prometheus.query(expression)).map(({ labels, value }) => ({
        labels,
        points: [[range.to, value] as const],
      }))
    : await prometheus.queryRange(expression, range);
  return lines.map(({ labels, points }) => ({ name: toName(query.legendFormat ?? '', labels), points }));
}

function toName(legend: string, labels: Labels): string {
  return legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? '').trim();
}

function toPage({ title }: CommittedDashboard, parts: readonly string[], all: readonly CommittedDashboard[]): string {
  const links = all.map((each) => `<a href="${each.uid}.html">${escapeHtml(each.title)}</a>`).join('');
  const head = `<meta charset="utf-8"><title>${escapeHtml(title)}</title><style>${STYLE}</style>`;
  return `<!doctype html><html lang="en">${head}<h1>${escapeHtml(title)}</h1><nav>${links}</nav><main>${parts.join('\n')}</main></html>\n`;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      prometheus: { type: 'string', default: 'http://127.0.0.1:9090' },
      minutes: { type: 'string', default: '15' },
      out: { type: 'string', default: path.resolve(import.meta.dirname, '../../.store/monitoring/dashboards') },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) process.stdout.write(HELP);
  else {
    const { prometheus: prometheusUrl, minutes, out: outDir } = values;
    const files = await renderDashboards({ prometheusUrl, minutes: Number(minutes), outDir });
    process.stdout.write(`${files.join('\n')}\n`);
  }
}
