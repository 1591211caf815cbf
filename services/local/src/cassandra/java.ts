import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { StartError } from '../start-error.ts';

export interface Java {
  readonly path: string;
  /** In full, such as 17.0.15. */
  readonly version: string;
}

const MAJOR = 17;
const FOLDERS = ['/usr/lib/jvm', '/opt/homebrew/opt', '/usr/local/opt', '/Library/Java/JavaVirtualMachines'];

/**
 * The Java to run Cassandra with: the one of JAVA_HOME, else of the PATH, else of the usual folders. Cassandra 5.0 runs on Java 11 and 17
 * only, and this store's flags are for 17. Throws StartError that names the versions found.
 */
export async function findJava(folders: readonly string[] = FOLDERS): Promise<Java> {
  const others: string[] = [];
  for (const file of await listCandidates(folders)) {
    const version = await versionOf(file);
    if (version === undefined) continue;
    if (Number.parseInt(version, 10) === MAJOR) return { path: file, version };
    others.push(`${file} is ${version}`);
  }
  const found = others.length === 0 ? 'No Java was found' : `Java ${MAJOR} was not found (${others.join('; ')})`;
  throw new StartError(
    `${found}. Cassandra 5.0 needs Java ${MAJOR}, neither older nor newer: install it (Debian, Ubuntu: apt install openjdk-17-jre-headless; ` +
      'macOS: brew install openjdk@17) or set JAVA_HOME to it.',
  );
}

async function listCandidates(folders: readonly string[]): Promise<string[]> {
  const homes = process.env.JAVA_HOME ? [process.env.JAVA_HOME] : [];
  const inPath = (process.env.PATH ?? '').split(path.delimiter).filter(Boolean);
  const installed: string[] = [];
  for (const folder of folders) {
    const names = await readdir(folder).catch(() => []);
    for (const name of names.filter((each) => each.includes(String(MAJOR)))) {
      installed.push(path.join(folder, name), path.join(folder, name, 'Contents/Home'));
    }
  }
  const files = [
    ...homes.map((home) => path.join(home, 'bin/java')),
    ...inPath.map((folder) => path.join(folder, 'java')),
    ...installed.map((home) => path.join(home, 'bin/java')),
  ];
  return [...new Set(files)].filter((file) => existsSync(file));
}

/** Undefined for what is no Java, or doesn't run. */
async function versionOf(file: string): Promise<string | undefined> {
  try {
    const { stderr } = await promisify(execFile)(file, ['-version']);
    return /version "([^"]+)"/.exec(stderr)?.[1];
  } catch {
    return undefined;
  }
}
