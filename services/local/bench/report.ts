import { faultsOfMemory, LOADED_SERVICE_LIMIT, type ProcessMemory, toMb } from '../src/smoke/memory.ts';
import { toTable } from '../src/table.ts';
import { type Comparison, costOf, median, type Round, speedOf } from './comparison.ts';
import type { ReadCosts } from './growth.ts';

export interface Compared extends Pick<Comparison, 'name' | 'against' | 'atLeast'> {
  readonly atLeastPerSecond: number | undefined;
  readonly rounds: readonly Round[];
}

export interface Report {
  /** ISO 8601. */
  readonly at: string;
  readonly machine: string;
  readonly products: number;
  /** Seconds until the store can sell: with an empty folder, and with an existing one. */
  readonly starts: { readonly first: number; readonly second: number };
  readonly compared: readonly Compared[];
  /** Measured after all comparisons. */
  readonly memory: readonly ProcessMemory[];
  readonly growth: { readonly products: number; readonly before: ReadCosts; readonly after: ReadCosts } | undefined;
}

/** How far a cost may exceed the saved one. */
const MAY_COST = 1.15;
const MAY_GROW = 1.2;
const MAY_START_SECONDS = 20;

/** The promises that aren't kept, a sentence each. `baseline` has the saved cost of each comparison. */
export function findFaults(report: Report, baseline: Readonly<Record<string, number>>): string[] {
  const { compared, growth, memory, starts } = report;
  const faults = compared.flatMap(({ name, atLeast, atLeastPerSecond = 0, rounds }) => {
    const [slowest, speed] = [worstSpeed(rounds), Math.min(...rounds.map(({ store }) => store.perSecond))];
    const [cost, kept = Number.POSITIVE_INFINITY] = [median(rounds.map(costOf)), baseline[name]];
    return [
      ...(slowest < atLeast
        ? [`${name} reaches ${toShare(slowest)} of the bare speed; at least ${atLeast} is promised.`]
        : []),
      ...(speed < atLeastPerSecond
        ? [`${name} is done ${Math.round(speed)} times a second; at least ${atLeastPerSecond} is promised.`]
        : []),
      ...(cost > kept * MAY_COST
        ? [`${name} costs ${toShare(cost)} times the bare version's processor time; ${kept} was kept.`]
        : []),
    ];
  });
  for (const [kind, { ratio }] of Object.entries(toGrowth(growth))) {
    if (ratio > MAY_GROW)
      faults.push(
        `A ${kind} costs ${toShare(ratio)} times as much with ${growth?.products} products; at most ${MAY_GROW} is promised.`,
      );
  }
  faults.push(...faultsOfMemory(memory, LOADED_SERVICE_LIMIT).map((fault) => `${fault}.`));
  if (starts.second > MAY_START_SECONDS)
    faults.push(`The second start takes ${starts.second.toFixed(1)} s; at most ${MAY_START_SECONDS} s is promised.`);
  return faults;
}

export function toTables(report: Report, baseline: Readonly<Record<string, number>>): string[] {
  const head = ['', 'per second', 'bare', 'ratio', 'worst', 'promised', 'µs', 'bare µs', 'cost', 'kept', 'database µs'];
  const rows = report.compared.map(({ name, atLeast, rounds }) => [
    name,
    Math.round(median(rounds.map(({ store }) => store.perSecond))),
    Math.round(median(rounds.map(({ bare }) => bare.perSecond))),
    toShare(median(rounds.map(speedOf))),
    toShare(worstSpeed(rounds)),
    String(atLeast),
    Math.round(median(rounds.map(({ store }) => store.processorTime))),
    Math.round(median(rounds.map(({ bare }) => bare.processorTime))),
    toShare(median(rounds.map(costOf))),
    String(baseline[name] ?? '–'),
    Math.round(median(rounds.map(({ store }) => store.databaseTime))),
  ]);
  return [...toTable(head, rows), '', ...toTable(['', 'value'], rowsOfStore(report))];
}

/** What isn't a comparison: growth, memory, starts. */
function rowsOfStore({ growth, products, memory, starts }: Report): [string, string][] {
  const grown = Object.entries(toGrowth(growth)).map(([kind, { before, after, ratio }]): [string, string] => [
    `${kind}: processor time with ${growth?.products} products`,
    `${toShare(ratio)} times that with ${products} (${Math.round(before)} µs → ${Math.round(after)} µs)`,
  ]);
  return [
    ...grown,
    ...memory.map(({ name, bytes }): [string, string] => [`memory of ${name}`, toMb(bytes)]),
    ['first start, with products', `${starts.first.toFixed(1)} s`],
    ['second start', `${starts.second.toFixed(1)} s`],
  ];
}

function toGrowth(growth: Report['growth']): Record<string, { before: number; after: number; ratio: number }> {
  if (!growth) return {};
  const kinds = Object.keys(growth.before) as (keyof ReadCosts)[];
  return Object.fromEntries(
    kinds.map((kind) => {
      const [before, after] = [growth.before[kind], growth.after[kind]];
      return [kind, { before, after, ratio: after / before }];
    }),
  );
}

/** The page about the last saved run. */
export function toPage(report: Report): string {
  const { at, machine, compared } = report;
  const rows = compared.map(({ name, against, atLeast, atLeastPerSecond, rounds }) => {
    const perSecond = Math.round(median(rounds.map(({ store }) => store.perSecond)));
    const promise = atLeastPerSecond ? `${atLeast}, and ${atLeastPerSecond} per second` : String(atLeast);
    const cost = toShare(median(rounds.map(costOf)));
    return `| ${name} | ${against} | ${perSecond} | ${toShare(median(rounds.map(speedOf)))} | ${toShare(worstSpeed(rounds))} | ${promise} | ${cost} |`;
  });
  const faults = findFaults(report, {});
  const verdict =
    faults.length === 0
      ? 'Every promise was kept.'
      : `These promises were not kept:\n\n${faults.map((fault) => `- ${fault}`).join('\n')}`;
  return `# Benchmark

<!-- Written by npm run bench -- --save. -->

The last kept run, on ${at.slice(0, 10)}: ${machine}. The load generator and the database used the same cores.
[Performance](performance.md) explains what is measured and how to read it.

![Speed of the store relative to the bare version](benchmark.svg)

| | compared with | per second | ratio | worst round | promised | cost |
|---|---|---|---|---|---|---|
${rows.join('\n')}

| | |
|---|---|
${rowsOfStore(report)
  .map(([what, value]) => `| ${what} | ${value} |`)
  .join('\n')}

${verdict}
`;
}

const WIDTH = 760;
const LEFT = 150;
const LANE = 34;
/** Length of a ratio of 1, in pixels. */
const SCALE = 430;

/** Bars of the speed ratios, with the worst round and the promised ratio of each. */
export function toPlot({ compared }: Report): string {
  const lanes = compared.map(({ name, atLeast, rounds }, lane) => {
    const y = lane * LANE + 10;
    const [ratio, worst] = [median(rounds.map(speedOf)), worstSpeed(rounds)];
    const x = (share: number) => (LEFT + Math.min(share, 1.2) * SCALE).toFixed(1);
    return `  <text x="${LEFT - 10}" y="${y + 15}" text-anchor="end">${name}</text>
  <rect x="${LEFT}" y="${y}" width="${(Math.min(ratio, 1.2) * SCALE).toFixed(1)}" height="20" rx="3" class="ratio"/>
  <line x1="${x(worst)}" x2="${x(worst)}" y1="${y + 4}" y2="${y + 16}" class="worst"/>
  <line x1="${x(atLeast)}" x2="${x(atLeast)}" y1="${y - 4}" y2="${y + 24}" class="promise"/>
  <text x="${x(Math.max(ratio, atLeast))}" dx="8" y="${y + 15}">${toShare(ratio)}, worst ${toShare(worst)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${compared.length * LANE + 40}" font-family="sans-serif" font-size="13">
  <title>Speed of the store relative to the bare version</title>
  <style>
    text { fill: #4a5568 } .ratio { fill: #4c8dd6 } .worst { stroke: #fff; stroke-width: 2 } .promise { stroke: #e4572e; stroke-width: 2 }
    @media (prefers-color-scheme: dark) { text { fill: #cbd5e0 } }
  </style>
${lanes.join('\n')}
  <text x="${LEFT}" y="${compared.length * LANE + 26}">Speed relative to the bare version. White: the worst round; red: the promise.</text>
</svg>
`;
}

function worstSpeed(rounds: readonly Round[]): number {
  return Math.min(...rounds.map(speedOf));
}

function toShare(ratio: number): string {
  return ratio.toFixed(2);
}
