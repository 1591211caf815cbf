import { readdir, readFile, readlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { StartError } from './start-error.ts';

export interface WantedPort {
  readonly host: string;
  readonly port: number;
  readonly use: string;
  /** The setting that moves it. */
  readonly setting: string;
}

/** Throws one StartError for all ports that aren't free, naming the process that has them where it can be seen. */
export async function checkPorts(wanted: readonly WantedPort[]): Promise<void> {
  const faults = await Promise.all(
    wanted.map(async ({ host, port, use, setting }) => {
      const code = await tryToListen(host, port);
      if (code === undefined) return [];
      if (code === 'EACCES')
        return [`Port ${port} for ${use} is reserved for root: set ${setting} to another, such as 8080.`];
      if (code !== 'EADDRINUSE') return [`${use} can't listen on ${host}:${port} (${code}): see HOST and ${setting}.`];
      const holder = await findHolder(port);
      const by = holder ? ` by ${holder}` : '';
      return [`Port ${port} for ${use} is taken${by}: stop that, or set ${setting} to use another.`];
    }),
  );
  if (faults.flat().length > 0) throw new StartError(faults.flat().join('\n'));
}

function tryToListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(undefined)));
  });
}

/** Name and pid of the process that listens, from /proc (see proc(5)); undefined if we aren't allowed to see it. */
async function findHolder(port: number): Promise<string | undefined> {
  const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const sockets = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of (await readFile(table, 'utf8').catch(() => '')).split('\n')) {
      const fields = line.trim().split(/\s+/);
      if (fields[1]?.endsWith(hex) && fields[3] === '0A') sockets.add(`socket:[${fields[9]}]`);
    }
  }
  for (const pid of (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))) {
    for (const descriptor of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '');
      if (!sockets.has(target)) continue;
      const program = await readlink(`/proc/${pid}/exe`).catch(() => 'a program');
      return `${path.basename(program)} (process ${pid})`;
    }
  }
  return undefined;
}
