import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ConfigError } from '#platform/config.ts';
import { connectInspector, type Inspector } from './inspector.ts';
import { readServiceProcesses } from './service-processes.ts';
import { REPOSITORY, readSettings } from './settings.ts';
import { StartError } from './start-error.ts';
import { toTable } from './table.ts';

const HELP = `npm run profile -- <service>: takes a CPU profile of one running service: product, cart, order or user; product-2 is its second process.

  --seconds 10   how long; Ctrl-C ends it earlier
  --heap         takes a heap snapshot instead: the service stands still for a second or more

Files go to DATA_DIR/profiles. DATA_DIR is read as by \`npm start\`. docs/pages/profiling.md says how to read them.
`;
const SHOWN = 12;

/** As V8 gives it; see https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile. */
interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[];
  readonly samples: readonly number[];
  /** µs before each sample. */
  readonly timeDeltas: readonly number[];
}

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  /** From 0. */
  readonly lineNumber: number;
}

async function takeCpuProfile({ send }: Inspector, file: string, wait: () => Promise<void>): Promise<string[]> {
  await send('Profiler.enable');
  await send('Profiler.start');
  await wait();
  const { profile } = await send<{ profile: CpuProfile }>('Profiler.stop');
  await writeFile(file, JSON.stringify(profile));
  return [
    '',
    ...describeProfile(profile),
    '',
    `CPU profile: ${file}`,
    'Open it in Chrome (DevTools, Performance, Load profile) or in VS Code.',
  ];
}

/** Where the time went, the functions that took most of it themselves first. */
export function describeProfile({ nodes, samples, timeDeltas }: CpuProfile): string[] {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const self = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const name = frames.get(id) ?? '';
    self.set(name, (self.get(name) ?? 0) + (timeDeltas[index] ?? 0));
  }
  const total = timeDeltas.reduce((sum, delta) => sum + delta, 0);
  const rows = [...self].sort(([, left], [, right]) => right - left).slice(0, SHOWN);
  return toTable(
    ['self', 'ms', 'function'],
    rows.map(([name, us]) => [`${((100 * us) / total).toFixed(1)} %`, Math.round(us / 1000), name]),
  );
}

function nameOf({ functionName, url, lineNumber }: CallFrame): string {
  const name = functionName || '(anonymous)';
  if (url === '') return name;
  const file = url.startsWith('file:') ? path.relative(REPOSITORY, fileURLToPath(url)) : url;
  return `${name}  ${file}:${lineNumber + 1}`;
}

/** Comes in pieces, so that the service never has the whole text in memory. */
async function takeHeapSnapshot({ send, onEvent }: Inspector, file: string): Promise<string[]> {
  const output = createWriteStream(file);
  onEvent('HeapProfiler.addHeapSnapshotChunk', ({ chunk }) => output.write(String(chunk)));
  await send('HeapProfiler.takeHeapSnapshot');
  output.end();
  await once(output, 'finish');
  const megabytes = Math.round((await stat(file)).size / 1e6);
  return [
    `Heap snapshot (${megabytes} MB): ${file}`,
    'Open it in Chrome (DevTools, Memory, Load). It holds whatever the service holds: keep it as secret as its keys.',
  ];
}

async function findService(dataDir: string, name: string): Promise<number> {
  const processes = await readServiceProcesses(dataDir).catch(() => new Map<string, number>());
  const pid = processes.get(name);
  if (pid !== undefined) return pid;
  const others = [...processes.keys()].join(', ');
  throw new StartError(
    `No ${name} runs in ${dataDir}${others && `, only ${others}`}: npm start, with the same DATA_DIR, starts it.`,
  );
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: {
      seconds: { type: 'string', default: '10' },
      heap: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
    allowPositionals: true,
  });
  const [name] = positionals;
  if (values.help || name === undefined) return void process.stdout.write(HELP);
  const seconds = Number(values.seconds);
  if (!(seconds > 0 && seconds <= 600)) throw new StartError('--seconds is a number of seconds, at most 600.');

  const { dataDir } = readSettings(process.env);
  const pid = await findService(dataDir, name);
  const profiles = path.join(dataDir, 'profiles');
  await mkdir(profiles, { recursive: true, mode: 0o700 });
  const file = path.join(profiles, `${name}-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`);

  const enough = new AbortController();
  process.once('SIGINT', () => enough.abort());
  const wait = () => sleep(seconds * 1000, undefined, { signal: enough.signal }).catch(() => undefined);
  const inspector = await connectInspector(pid, () => readFile(path.join(dataDir, `logs/${name}.log`), 'utf8'));
  try {
    if (!values.heap) console.log(`Profiling ${name} (process ${pid}) for ${seconds} s …`);
    const lines = values.heap
      ? await takeHeapSnapshot(inspector, `${file}.heapsnapshot`)
      : await takeCpuProfile(inspector, `${file}.cpuprofile`, wait);
    console.log(lines.join('\n'));
  } finally {
    await inspector.close();
  }
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    const isExpected = [StartError, ConfigError, TypeError].some((kind) => error instanceof kind);
    console.error(isExpected ? (error as Error).message : error);
    process.exitCode = 1;
  }
}
