import type { Line, Range } from '../prometheus/client.ts';
import type { CommittedPanel } from './committed.ts';
import { formatValue } from './format.ts';
import type { Unit } from './panels.ts';

/** The result of a query, with its legend. */
export interface NamedLine {
  readonly name: string;
  readonly points: Line['points'];
}

const PALETTE = [
  '#73bf69',
  '#f2cc0c',
  '#8ab8ff',
  '#ff780a',
  '#f2495c',
  '#5794f2',
  '#b877d9',
  '#705da0',
  '#37872d',
  '#fade2a',
];
const COLOURS: Readonly<Record<string, string>> = {
  green: '#73bf69',
  yellow: '#f2cc0c',
  orange: '#ff9830',
  red: '#f2495c',
  blue: '#8ab8ff',
};
/** Pixels; a panel's width is in columns. */
const COLUMN = 62;
const HEIGHT = 170;
const LEFT = 70;
const BOTTOM = 18;
const LANE = 20;

/** What a panel shows, as HTML: close enough to Grafana to review queries, units and legends. */
export function drawPanel(panel: CommittedPanel, lines: readonly NamedLine[], range: Range): string {
  if (lines.length === 0) return '<p class="empty">No data</p>';
  if (panel.type === 'stat') return drawNumbers(panel, lines);
  return panel.type === 'state-timeline' ? drawStates(panel, lines, range) : drawLines(panel, lines, range);
}

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function drawNumbers(panel: CommittedPanel, lines: readonly NamedLine[]): string {
  const numbers = lines.map(({ name, points }) => {
    const last = points.findLast(([, value]) => Number.isFinite(value))?.[1];
    const text = last === undefined ? 'No data' : formatValue(last, unitOf(panel));
    const label = lines.length > 1 ? `<small>${escapeHtml(name)}</small>` : '';
    return `<div style="color:${colourOf(panel, last)}">${label}${text}</div>`;
  });
  return `<div class="numbers">${numbers.join('')}</div>`;
}

/** The colour of the highest threshold reached. */
function colourOf({ fieldConfig }: CommittedPanel, value = 0): string | undefined {
  const reached = fieldConfig?.defaults.thresholds?.steps.findLast(
    (step) => step.value === null || value >= step.value,
  );
  return COLOURS[reached?.color ?? 'blue'];
}

function drawLines(panel: CommittedPanel, lines: readonly NamedLine[], range: Range): string {
  const values = lines.flatMap(({ points }) => points.map(([, value]) => value)).filter(Number.isFinite);
  const highest = Math.max(...values, 0) || 1;
  const width = panel.gridPos.w * COLUMN;
  const x = toX(range, width);
  const y = (value: number) => 6 + (1 - value / highest) * (HEIGHT - BOTTOM - 12);
  const grid = [0, 0.5, 1].map((share) => {
    const at = y(share * highest).toFixed(1);
    const text = formatValue(share * highest, unitOf(panel));
    return `<line x1="${LEFT}" x2="${width}" y1="${at}" y2="${at}"/><text x="${LEFT - 6}" y="${Number(at) + 4}" text-anchor="end">${text}</text>`;
  });
  const paths = lines.map(({ points }, index) => {
    const drawn = points.filter(([, value]) => Number.isFinite(value));
    const path = drawn.map(([at, value]) => `${x(at)},${y(value).toFixed(1)}`).join(' ');
    return `<polyline points="${path}" style="stroke:${paletteAt(index)}"/>`;
  });
  const legend = lines.map(
    ({ name }, index) => `<span><i style="background:${paletteAt(index)}"></i>${escapeHtml(name)}</span>`,
  );
  return `${svg([width, HEIGHT], [...grid, ...times(range, [width, HEIGHT]), ...paths])}<div class="legend">${legend.join('')}</div>`;
}

function drawStates(panel: CommittedPanel, lines: readonly NamedLine[], range: Range): string {
  const width = panel.gridPos.w * COLUMN;
  const x = toX(range, width);
  const height = lines.length * LANE + BOTTOM;
  const options = panel.fieldConfig?.defaults.mappings?.[0]?.options ?? {};
  const lanes = lines.flatMap(({ name, points }, index) => {
    const y = index * LANE + 2;
    const bars = points.map(([at, value]) => {
      const length = (((width - LEFT) * range.step) / (range.to - range.from) + 1).toFixed(1);
      const fill = COLOURS[options[value]?.color ?? ''] ?? '#888';
      return `<rect x="${x(at)}" y="${y}" width="${length}" height="${LANE - 4}" fill="${fill}"/>`;
    });
    const word = options[points.at(-1)?.[1] ?? '']?.text ?? points.at(-1)?.[1];
    return [...bars, `<text x="${LEFT + 4}" y="${y + 12}" class="over">${escapeHtml(`${name}: ${word}`)}</text>`];
  });
  return svg([width, height], [...lanes, ...times(range, [width, height])]);
}

function toX({ from, to }: Range, width: number): (at: number) => string {
  return (at) => (LEFT + ((at - from) / (to - from)) * (width - LEFT)).toFixed(1);
}

function times(range: Range, [width, height]: readonly [number, number]): string[] {
  const x = toX(range, width);
  return [0, 0.33, 0.66].map((share) => {
    const at = range.from + share * (range.to - range.from);
    const text = new Date(at * 1000).toISOString().slice(11, 16);
    return `<text x="${x(at)}" y="${height - 4}">${text}</text>`;
  });
}

function svg([width, height]: readonly [number, number], parts: readonly string[]): string {
  return `<svg viewBox="0 0 ${width} ${height}">${parts.join('')}</svg>`;
}

function unitOf({ fieldConfig }: CommittedPanel): Unit {
  return (fieldConfig?.defaults.unit ?? 'none') as Unit;
}

function paletteAt(index: number): string {
  return PALETTE[index % PALETTE.length] as string;
}
