import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { type OptionValues, runCommand } from '../run-command.ts';
import { readSettings } from '../settings.ts';
import { StartError } from '../start-error.ts';
import { toTable } from '../table.ts';

const HELP = `npm run logs -- <id>: shows what Nginx and every service logged about one request, in order of time. The id is that of the request
(X-Request-Id of its response, requestId of an error) or of its trace.

  --json    the lines as they were written, one JSON object each
  --stdin   reads standard input: docker compose logs --no-log-prefix --no-color | npm run logs -- <id> --stdin

Reads the logs in DATA_DIR, rotated ones too. A service logs no line for a quick read that it answers without calling another; Nginx's line has
the address of the process. With LOG_LEVEL=debug services log those too. Exits with 1 when nothing is found.
`;
const OPTIONS = {
  json: { type: 'boolean', default: false },
  stdin: { type: 'boolean', default: false },
} as const;
/** Shown in a place of their own, or expressed better by another field. */
const SHOWN = new Set([
  ...[
    'timestamp',
    'level',
    'service',
    'message',
    'event',
    'requestId',
    'traceId',
    'method',
    'route',
    'status',
    'durationMs',
  ],
  ...['client', 'uri', 'bytes', 'requestTime', 'upstreamService', 'upstreamTime', 'upstreamAddr', 'cacheStatus'],
]);

type Fields = Readonly<Record<string, unknown>>;

/** A line about the request asked for. */
export interface Found {
  /** `nginx`, or the process: `product`, `product-2`. */
  readonly from: string;
  readonly text: string;
  readonly fields: Fields;
  /** Epoch ms at which what it describes began. */
  readonly beganAt: number;
}

/** The lines of `input` that carry the id of the request or of its trace. */
export async function* findLines(input: Readable, id: string, from?: string): AsyncGenerator<Found> {
  for await (const text of createInterface({ input })) {
    const fields = text.includes(id) ? parse(text) : undefined;
    if (fields?.requestId !== id && fields?.traceId !== id) continue;
    const { timestamp, durationMs = 0, service } = fields;
    yield { from: from ?? String(service), text, fields, beganAt: Date.parse(String(timestamp)) - Number(durationMs) };
  }
}

/** Lines that aren't JSON aren't ours: the stack of a crash, a warning of Node's. */
function parse(text: string): Fields | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** All lines about `id` in the logs of `folder`. Throws StartError if there are no logs. */
export async function findInLogs(folder: string, id: string): Promise<Found[]> {
  const names = (await readdir(folder).catch((): string[] => [])).filter((name) => /\.log(?:\.\d+)?$/.test(name));
  if (names.length === 0) throw new StartError(`There are no logs in ${folder}: use the same DATA_DIR as npm start.`);
  const lines = names.map((name) => {
    const writer = name.replace(/\.log.*$/, '').replace(/^access$/, 'nginx');
    return Array.fromAsync(findLines(createReadStream(path.join(folder, name)), id, writer));
  });
  return (await Promise.all(lines)).flat();
}

/** By when they began, so that a request stands above what it led to. */
export function inOrder(lines: readonly Found[]): Found[] {
  const isDoor = ({ from }: Found) => Number(from === 'nginx');
  return lines.toSorted((left, right) => left.beganAt - right.beganAt || isDoor(right) - isDoor(left));
}

export function describeLines(lines: readonly Found[]): string[] {
  const sorted = inOrder(lines);
  const first = sorted[0]?.beganAt ?? 0;
  const rows = sorted.map(({ from, fields, beganAt }) => {
    const at = new Date(beganAt).toISOString().slice(11, 23);
    return [at, `+${beganAt - first} ms`, from, String(fields.level), describe(fields)];
  });
  return toTable(['UTC', 'after', 'from', 'level', ''], rows);
}

function describe(fields: Fields): string {
  const { event, message, method, route, uri, status, durationMs } = fields;
  const isRequest = event === 'request_handled';
  const what = isRequest ? `${method} ${route ?? uri} → ${status} in ${durationMs} ms` : `${event}: ${message}`;
  const rest = Object.entries(fields)
    .filter(([name]) => !SHOWN.has(name))
    .map(([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return `${what}${describeUpstream(fields)}${rest.join('')}`;
}

function describeUpstream({ upstreamService, upstreamAddr, cacheStatus }: Fields): string {
  const cache = cacheStatus ? ` (cache ${cacheStatus})` : '';
  return upstreamAddr ? ` by ${upstreamService} at ${upstreamAddr}${cache}` : cache;
}

async function main({ json, stdin }: OptionValues<typeof OPTIONS>, id: string): Promise<number> {
  const folder = path.join(readSettings(process.env).dataDir, 'logs');
  const lines = stdin ? await Array.fromAsync(findLines(process.stdin, id)) : await findInLogs(folder, id);
  if (lines.length === 0) {
    const where = stdin ? 'the input' : `the logs in ${folder}`;
    console.error(`Nothing about ${id} in ${where}. Nginx writes its lines up to a second late.`);
    return 1;
  }
  console.log((json ? inOrder(lines).map(({ text }) => text) : describeLines(lines)).join('\n'));
  return 0;
}

if (import.meta.main) {
  await runCommand({ help: HELP, options: OPTIONS, argument: 'required', failure: 2 }, main);
}
