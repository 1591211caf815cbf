import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { REPORTS } from '../src/data-dir.ts';
import { ensureProducts, startShop } from '../src/open-shop.ts';
import { type OptionValues, runCommand } from '../src/run-command.ts';
import { REPOSITORY, readSettings, type StoreSettings } from '../src/settings.ts';
import { measureMemory } from '../src/smoke/memory.ts';
import { StartError } from '../src/start-error.ts';
import { stopSignal } from '../src/stop-signal.ts';
import type { Store } from '../src/store.ts';
import { createTerminal, type Terminal } from '../src/terminal.ts';
import { ensureTools } from '../src/tools.ts';
import { compare, costOf, median, type Round } from './comparison.ts';
import { prepareComparisons } from './comparisons.ts';
import { measureReads, type ReadCosts } from './growth.ts';
import { processorTimeOf } from './processor-time.ts';
import { type Compared, findFaults, type Report, toPage, toPlot, toTables } from './report.ts';

const HELP = `npm run bench: compares the store with the least that each kind of response could cost, in one run on this machine.

  --rounds 5         rounds of each comparison; the worst one counts
  --seconds 3        seconds per round, for each of the two sides
  --products 200000  size to which the catalogue grows for the second half; 0 skips it
  --only list,cart   only these comparisons
  --save             keeps the result: the page docs/pages/benchmark.md, its plot, and the costs that later runs are compared with

It starts a store of its own in a temporary folder and removes it again; PORT (8480) and INNER_PORT_OFFSET (4800) set its ports.
The result is written to DATA_DIR/reports/bench.json. It exits with 1 when a promise isn't kept, and needs the machine for itself.
`;

const OPTIONS = {
  rounds: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '3' },
  products: { type: 'string', default: '200000' },
  only: { type: 'string' },
  save: { type: 'boolean', default: false },
} as const;

const FIRST_PRODUCTS = 20_000;
const ONE_HOUR_MS = '3600000';
const BASELINE = path.join(import.meta.dirname, 'baseline.json');
const PAGES = path.join(REPOSITORY, 'docs/pages');
/** ms between two looks, and the share of a core below which the database counts as idle: it always takes some. */
const REST = 3000;
const RESTING = 0.2;
const REST_WITHIN = 120_000;

interface Plan {
  readonly rounds: number;
  readonly seconds: number;
  readonly products: number;
  readonly only: readonly string[] | undefined;
  readonly settings: StoreSettings;
  /** For everything that is deleted afterwards. */
  readonly folder: string;
  readonly stopped: AbortSignal;
}

async function main(values: OptionValues<typeof OPTIONS>): Promise<number> {
  if (values.save && values.only) throw new StartError('Only a complete run can be saved: use --save without --only.');
  const { dataDir } = readSettings(process.env);
  const folder = await mkdtemp(path.join(os.tmpdir(), 'store-bench-'));
  const settings = {
    ...readSettings({ PORT: '8480', INNER_PORT_OFFSET: '4800', ...process.env, DATA_DIR: path.join(folder, 'store') }),
    loadProfile: true,
    seedProducts: FIRST_PRODUCTS,
    // Orders stay where the bench leaves them: if they advanced later, other measurements would include it.
    orderDelays: {
      ORDER_PROCESSING_DELAY_MS: ONE_HOUR_MS,
      ORDER_SHIPPED_DELAY_MS: ONE_HOUR_MS,
      ORDER_DELIVERED_DELAY_MS: ONE_HOUR_MS,
    },
  };
  const terminal = createTerminal();
  const stopped = stopSignal('Stopped before the measurements were complete.');
  try {
    await ensureTools(['wrk'], (names) => terminal.say(`Installing ${names} (apt-get)`));
    const report = await run(
      {
        rounds: readCount('rounds', values.rounds, 1),
        seconds: readCount('seconds', values.seconds, 1),
        products: readCount('products', values.products, 0),
        only: values.only?.split(','),
        settings,
        folder,
        stopped,
      },
      terminal,
    );
    terminal.close();
    const baseline = JSON.parse(await readFile(BASELINE, 'utf8')) as Record<string, number>;
    const faults = findFaults(report, values.save ? {} : baseline);
    console.log(['', ...toTables(report, baseline), ''].join('\n'));
    const reports = path.join(dataDir, REPORTS);
    await mkdir(reports, { recursive: true });
    const file = path.join(reports, 'bench.json');
    await writeFile(file, `${JSON.stringify({ ...report, faults }, undefined, 2)}\n`);
    if (values.save) await save(report);
    console.log(`Written to ${file}`);
    for (const fault of faults) console.log(`✗ ${fault}`);
    console.log(faults.length === 0 ? 'Every promise is kept.' : `${faults.length} promises not kept.`);
    return faults.length === 0 ? 0 : 1;
  } finally {
    terminal.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function readCount(name: string, text: string, least: number): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < least) {
    throw new StartError(
      `--${name} must be a whole number, ${least} or more, not ${text}. See npm run bench -- --help.`,
    );
  }
  return count;
}

async function run(plan: Plan, { show }: Terminal): Promise<Report> {
  const { settings, stopped } = plan;
  const start = () => startShop(settings, { onProgress: show, signal: stopped });
  const first = await timed(start);
  await first.result.stop();
  const second = await timed(start);
  const store = second.result;
  try {
    const measured = await measureStore(store, plan, show);
    return {
      at: new Date().toISOString(),
      machine: `${os.cpus()[0]?.model ?? 'unknown'}, ${os.availableParallelism()} cores, Node ${process.versions.node}`,
      products: FIRST_PRODUCTS,
      starts: { first: first.seconds, second: second.seconds },
      ...measured,
    };
  } finally {
    await store.stop();
  }
}

async function measureStore(
  store: Store,
  plan: Plan,
  show: Terminal['show'],
): Promise<Pick<Report, 'compared' | 'growth' | 'memory'>> {
  const { settings, folder, rounds, seconds, products, only, stopped } = plan;
  const database = store.cassandra?.pid as number;
  const how = { folder, rounds, seconds, database };
  const step = async <Result>(name: string, text: string, work: () => Promise<Result>): Promise<Result> => {
    stopped.throwIfAborted();
    show({ kind: 'began', step: name, text });
    const result = await work();
    show({ kind: 'done', step: name, text });
    return result;
  };

  await step('rest', 'Waiting until the database is idle', () => untilRest(database, stopped));
  const comparisons = await step('prepare', 'Starting the bare versions', () =>
    prepareComparisons(store, { folder, port: settings.port + 1, currency: settings.currency }),
  );
  const compared: Compared[] = [];
  try {
    for (const comparison of comparisons.list) {
      const { name, against, atLeast, atLeastPerSecond } = comparison;
      if (only && !only.includes(name)) continue;
      const measured = await step(name, `${name}, compared with ${against}`, () => compare(comparison, how));
      compared.push({ name, against, atLeast, atLeastPerSecond, rounds: measured });
    }
  } finally {
    await comparisons.stop();
  }
  const memory = (await measureMemory(store.dataDir))?.filter(({ name }) => name !== 'npm start') ?? [];
  if (products === 0) return { compared, memory, growth: undefined };

  const measure = (count: number): Promise<ReadCosts> =>
    step(`reads-${count}`, `Reads across ${count} products`, () => measureReads(store, how));
  const before = await measure(FIRST_PRODUCTS);
  await ensureProducts(store, { ...settings, seedProducts: products }, show);
  await step('rest', 'Waiting until the database is idle', () => untilRest(database, stopped));
  return { compared, memory, growth: { products, before, after: await measure(products) } };
}

/** Waits for the database to flush and compact what was just written, which would be counted in the next measurement. */
async function untilRest(database: number, stopped: AbortSignal): Promise<void> {
  const deadline = Date.now() + REST_WITHIN;
  for (let share = 1; share > RESTING && Date.now() < deadline; ) {
    const before = await processorTimeOf([database]);
    await sleep(REST, undefined, { signal: stopped });
    share = ((await processorTimeOf([database])) - before) / 1000 / REST;
  }
}

async function timed<Result>(work: () => Promise<Result>): Promise<{ result: Result; seconds: number }> {
  const beganAt = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - beganAt) / 1000 };
}

async function save(report: Report): Promise<void> {
  const costs = report.compared.map(({ name, rounds }) => [name, Number(medianCost(rounds).toFixed(2))]);
  await writeFile(BASELINE, `${JSON.stringify(Object.fromEntries(costs), undefined, 2)}\n`);
  await writeFile(path.join(PAGES, 'benchmark.md'), toPage(report));
  await writeFile(path.join(PAGES, 'benchmark.svg'), toPlot(report));
}

function medianCost(rounds: readonly Round[]): number {
  return median(rounds.map(costOf));
}

await runCommand({ help: HELP, options: OPTIONS }, main);
