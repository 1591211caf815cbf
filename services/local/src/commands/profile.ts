import { existsSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { PROFILE_ORDER, type ProfileOrder } from '#platform/profiling.ts';
import { type OptionValues, runCommand } from '../run-command.ts';
import { readServiceProcesses } from '../service-processes.ts';
import { REPOSITORY, readSettings } from '../settings.ts';
import { StartError } from '../start-error.ts';
import { toTable } from '../table.ts';

const HELP = `npm run profile -- <service>: takes a CPU profile of a running service: product, cart, order or user; product-2 is its second process.

  --seconds 10   how long; Ctrl-C ends it earlier
  --heap         takes a heap snapshot instead: the service answers nothing for a second or more

Files go to DATA_DIR/profiles; docs/pages/profiling.md explains how to read them.
`;
const OPTIONS = {
  seconds: { type: 'string', default: '10' },
  heap: { type: 'boolean', default: false },
} as const;
const SHOWN = 12;
/** Beyond the time of the profile. */
const WRITE_TIMEOUT_MS = 60_000;

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

/** Makes the service write `order.file`, and resolves when it exists. Throws StartError when the service doesn't. */
async function takeProfile(pid: number, folder: string, order: ProfileOrder): Promise<void> {
  await writeFile(path.join(folder, PROFILE_ORDER), JSON.stringify(order));
  process.kill(pid, 'SIGUSR2');
  process.once('SIGINT', () => process.kill(pid, 'SIGUSR2'));
  const deadline = Date.now() + order.seconds * 1000 + WRITE_TIMEOUT_MS;
  while (!existsSync(order.file)) {
    if (Date.now() > deadline || !existsSync(`/proc/${pid}`)) {
      throw new StartError(`Process ${pid} has not written ${order.file}: its log says why.`);
    }
    await sleep(100);
  }
}

/** Where the time went: the functions with the most time of their own first. */
function describeProfile({ nodes, samples, timeDeltas }: CpuProfile): string[] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const self = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const name = names.get(id) ?? '';
    self.set(name, (self.get(name) ?? 0) + (timeDeltas[index] ?? 0));
  }
  const total = timeDeltas.reduce((sum, delta) => sum + delta, 0);
  const most = [...self].sort(([, left], [, right]) => right - left).slice(0, SHOWN);
  const rows = most.map(([name, us]) => [`${((100 * us) / total).toFixed(1)} %`, Math.round(us / 1000), name]);
  return toTable(['self', 'ms', 'function'], rows);
}

function nameOf({ functionName, url, lineNumber }: CallFrame): string {
  const name = functionName || '(anonymous)';
  if (url === '') return name;
  const file = url.startsWith('file:') ? path.relative(REPOSITORY, fileURLToPath(url)) : url;
  return `${name}  ${file}:${lineNumber + 1}`;
}

async function findService(dataDir: string, name: string): Promise<number> {
  const processes = await readServiceProcesses(dataDir);
  const pid = processes.get(name);
  if (pid !== undefined) return pid;
  const others = [...processes.keys()].join(', ');
  throw new StartError(
    `No ${name} is running in ${dataDir}${others && `, only ${others}`}: start it with npm start, with the same DATA_DIR.`,
  );
}

async function main(values: OptionValues<typeof OPTIONS>, name: string): Promise<void> {
  const seconds = Number(values.seconds);
  if (!(seconds > 0 && seconds <= 600)) throw new StartError('--seconds must be a number above 0, at most 600.');

  const { dataDir } = readSettings(process.env);
  const pid = await findService(dataDir, name);
  const profiles = path.join(dataDir, 'profiles');
  await mkdir(profiles, { recursive: true, mode: 0o700 });
  const file = path.join(profiles, `${name}-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`);
  const folder = path.join(dataDir, 'run', name);
  if (values.heap) await showHeap(pid, folder, `${file}.heapsnapshot`);
  else await showCpu(pid, folder, `${file}.cpuprofile`, seconds);
}

async function showCpu(pid: number, folder: string, file: string, seconds: number): Promise<void> {
  console.log(`Profiling process ${pid} for ${seconds} s …\n`);
  await takeProfile(pid, folder, { kind: 'cpu', seconds, file });
  console.log(describeProfile(JSON.parse(await readFile(file, 'utf8'))).join('\n'));
  console.log(`\nCPU profile: ${file}\nOpen it in Chrome (DevTools, Performance, Load profile) or in VS Code.`);
}

async function showHeap(pid: number, folder: string, file: string): Promise<void> {
  await takeProfile(pid, folder, { kind: 'heap', seconds: 1, file });
  console.log(`Heap snapshot (${Math.round((await stat(file)).size / 1e6)} MB): ${file}`);
  console.log(
    'Open it in Chrome (DevTools, Memory, Load). It contains the service’s keys and passwords: keep it secret.',
  );
}

if (import.meta.main) {
  await runCommand({ help: HELP, options: OPTIONS, argument: 'required' }, main);
  process.exit();
}
