import { readFileSync } from 'node:fs';
import path from 'node:path';
import { DASHBOARDS } from './grafana/dashboards.ts';
import { readSlo, type Slo } from './slo.ts';
import { fastBound, toSloRules } from './slo-rules.ts';

const REPOSITORY = path.resolve(import.meta.dirname, '..');
const SLO_PAGE = 'docs/pages/slo.md';
const MADE_BY = 'Made from monitoring/slo.json by `npm run generate`: change that, not this.';

export interface GeneratedFile {
  /** Relative to the repository. */
  readonly path: string;
  readonly content: string;
}

/** The committed files that are generated from objectives and dashboards. */
export function listGenerated(): GeneratedFile[] {
  const slo = readSlo();
  return [
    { path: 'monitoring/prometheus/rules/slo.rules.yml', content: `# ${MADE_BY}\n${toSloRules(slo)}` },
    { path: 'loadtest/thresholds.json', content: toThresholds(slo) },
    { path: SLO_PAGE, content: withTable(readFileSync(path.join(REPOSITORY, SLO_PAGE), 'utf8'), toTable(slo)) },
    ...DASHBOARDS.map((dashboard) => ({
      path: `monitoring/grafana/dashboards/${dashboard.uid}.json`,
      content: `${JSON.stringify(dashboard, undefined, 2)}\n`,
    })),
  ];
}

/** k6's `options.thresholds`; its requests carry the tag `class`. */
function toThresholds({ classes }: Slo): string {
  const thresholds = Object.entries(classes).flatMap(([name, { p95Ms, p99Ms, availability }]) => [
    [`http_req_duration{class:${name}}`, [`p(95)<=${p95Ms}`, `p(99)<=${p99Ms}`]],
    [`http_req_failed{class:${name}}`, [`rate<=${Number((1 - availability).toFixed(6))}`]],
  ]);
  return `${JSON.stringify(Object.fromEntries(thresholds), undefined, 2)}\n`;
}

function toTable({ classes }: Slo): string {
  const rows = Object.entries(classes).map(([name, objective]) => {
    const { routes, p95Ms, p99Ms, availability } = objective;
    const operations = routes.map(({ method, path: where }) => `\`${method} ${where}\``).join(', ');
    const share = `${Number((availability * 100).toFixed(4))} %`;
    return `| ${name} | ${operations} | ${p95Ms} ms | ${p99Ms} ms | ${fastBound(objective) * 1000} ms | ${share} |`;
  });
  const head = '| class | requests | p95 | p99 | counted as fast up to | not answered with 5xx |';
  return [head, '| --- | --- | --- | --- | --- | --- |', ...rows].join('\n');
}

/** Puts `table` between the two markers of the page. */
function withTable(page: string, table: string): string {
  const [begin, end] = [`<!-- ${MADE_BY} -->`, '<!-- end -->'];
  const [before, rest] = page.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`${SLO_PAGE} lacks the markers of its table.`);
  return `${before}${begin}\n\n${table}\n\n${end}${after}`;
}
