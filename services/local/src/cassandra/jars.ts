import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { REPOSITORY } from '../settings.ts';
import { StartError } from '../start-error.ts';

const ROOM = path.join(REPOSITORY, 'cassandra');
const CHECKSUMS = path.join(ROOM, 'server/jars.sha256');
/** Ignored by Git: the jars and what is made from them. */
export const TARGET = path.join(ROOM, 'target');
export const JARS = path.join(TARGET, 'dependency');

/** True once a download has finished; whether every jar is still intact, only `ensureJars` knows. */
export function hasJars(): boolean {
  return existsSync(JARS);
}

/**
 * Makes sure that the server's jars are there, complete and with the checksums of `server/jars.sha256`; downloads them with Maven if not.
 * An interrupted download leaves nothing that a later start takes for complete. Throws StartError.
 */
export async function ensureJars(): Promise<void> {
  if ((await listWrongJars(JARS)).length === 0) return;
  await mkdir(TARGET, { recursive: true });
  await removeAbandonedDownloads();
  const partial = path.join(TARGET, `dependency.partial-${process.pid}`);
  await rm(partial, { recursive: true, force: true });
  try {
    await download(partial);
    const wrong = await listWrongJars(partial);
    if (wrong.length > 0) {
      throw new StartError(
        `Maven delivered files other than those in cassandra/server/jars.sha256: ${wrong.slice(0, 5).join(', ')}. ` +
          'If a mirror cut a download short, remove those artifacts from ~/.m2/repository and start again.',
      );
    }
    await rm(JARS, { recursive: true, force: true });
    await rename(partial, JARS).catch(async (error: unknown) => {
      // Another start in the same checkout was quicker.
      if ((await listWrongJars(JARS)).length > 0) throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** Removes what killed downloads left behind, but not the download of a running process. */
async function removeAbandonedDownloads(): Promise<void> {
  for (const name of await readdir(TARGET)) {
    const pid = /^dependency\.partial-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !isRunning(Number(pid))) {
      await rm(path.join(TARGET, name), { recursive: true, force: true });
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // There is such a process, but not one of ours.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function download(folder: string): Promise<void> {
  const args = ['-B', '-q', 'dependency:copy-dependencies', `-DoutputDirectory=${folder}`];
  try {
    await promisify(execFile)('mvn', args, { cwd: ROOM, maxBuffer: 16 << 20 });
  } catch (cause) {
    const { code, stdout = '', message } = cause as NodeJS.ErrnoException & { stdout?: string };
    if (code === 'ENOENT') {
      throw new StartError(
        'Maven (mvn) is not installed. Install it (Debian, Ubuntu: apt install maven; macOS: brew install maven) and start again.',
        { cause },
      );
    }
    const lines = (stdout || message).trim().split('\n');
    const reason = lines.find((line) => line.includes('ERROR')) ?? lines[0] ?? '';
    throw new StartError(
      `Maven could not download Cassandra: ${reason.trim()} — check the network (or Maven's proxy in ~/.m2/settings.xml), then start again, ` +
        'or run `mvn -B dependency:copy-dependencies` in cassandra/ to see the whole output.',
      { cause },
    );
  }
}

/** Names of jars that are missing or have another checksum; five are enough to know. */
async function listWrongJars(folder: string): Promise<string[]> {
  const lines = (await readFile(CHECKSUMS, 'utf8')).trim().split('\n');
  const expected = lines.map((line) => ({ sha256: line.slice(0, 64), name: line.slice(66) }));
  const found = new Set(await readdir(folder).catch(() => []));
  const wrong: string[] = [];
  for (const { sha256, name } of expected) {
    if (!found.has(name) || (await sha256Of(path.join(folder, name))) !== sha256) wrong.push(name);
    if (wrong.length >= 5) break;
  }
  return wrong;
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest('hex');
}
