import type { Unit } from './panels.ts';

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
const SHORT = ['', ' K', ' Mil', ' Bil', ' Tri'];
const AFTER: Partial<Record<Unit, string>> = { ops: ' ops/s', reqps: ' req/s', cps: ' c/s' };

/** A value roughly as Grafana shows it. */
export function formatValue(value: number, unit: Unit): string {
  switch (unit) {
    case 's':
      return formatSeconds(value);
    case 'bytes':
      return scaled(value, 1024, BINARY, ' ');
    case 'binBps':
      return `${scaled(value, 1024, BINARY, ' ')}/s`;
    case 'percentunit':
      return `${rounded(value * 100)}%`;
    case 'bool_yes_no':
      return value === 0 ? 'No' : 'Yes';
    case 'none':
      return rounded(value);
    default:
      return `${scaled(value, 1000, SHORT, '')}${AFTER[unit] ?? ''}`;
  }
}

function formatSeconds(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0 s';
  if (size < 0.001) return `${rounded(value * 1e6)} µs`;
  if (size < 1) return `${rounded(value * 1000)} ms`;
  if (size < 60) return `${rounded(value)} s`;
  if (size < 3600) return `${rounded(value / 60)} mins`;
  return size < 86_400 ? `${rounded(value / 3600)} hours` : `${rounded(value / 86_400)} days`;
}

function scaled(value: number, step: number, names: readonly string[], gap: string): string {
  const power = value === 0 ? 0 : Math.floor(Math.log(Math.abs(value)) / Math.log(step));
  const index = Math.min(Math.max(power, 0), names.length - 1);
  return `${rounded(value / step ** index)}${gap}${names[index]}`;
}

function rounded(value: number): string {
  return String(Number(value.toPrecision(3)));
}
