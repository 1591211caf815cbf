import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { findNginx } from '../../../nginx/gateway.ts';
import { StartError } from './start-error.ts';

export type Tool = 'java' | 'maven' | 'nginx';

const DEBIAN_PACKAGES: Readonly<Record<Tool, string>> = {
  java: 'openjdk-17-jre-headless',
  maven: 'maven',
  nginx: 'nginx-light',
};
const NAMES: Readonly<Record<Tool, string>> = { java: 'Java 17', maven: 'Maven (mvn)', nginx: 'Nginx' };
const JVM_FOLDER = '/usr/lib/jvm';

/**
 * Makes sure that the programs are there. As root on a Debian the missing ones are installed, anyone else is told the exact command.
 * Throws StartError when one is missing in the end.
 */
export async function ensureTools(
  tools: readonly Tool[],
  onMissing: (names: string) => void = () => undefined,
): Promise<void> {
  const missing = await listMissing(tools);
  if (missing.length === 0) return;
  const names = missing.map((tool) => NAMES[tool]).join(', ');
  const packages = missing.map((tool) => DEBIAN_PACKAGES[tool]);
  const command = `apt-get update && apt-get install -y --no-install-recommends ${packages.join(' ')}`;
  const onDebian = existsSync('/usr/bin/apt-get');
  if (!onDebian) throw new StartError(`${names} must be installed first (on Debian: ${command}).`);
  if (process.getuid?.() !== 0)
    throw new StartError(`${names} must be installed first. Run:\n  sudo sh -c '${command}'`);
  onMissing(names);
  await aptInstall(packages, command);
  const still = await listMissing(missing);
  if (still.length > 0) {
    throw new StartError(`${still.map((tool) => NAMES[tool]).join(', ')} can't be found even after: ${command}`);
  }
}

async function listMissing(tools: readonly Tool[]): Promise<Tool[]> {
  const found = await Promise.all(tools.map(isThere));
  return tools.filter((_, index) => !found[index]);
}

async function isThere(tool: Tool): Promise<boolean> {
  if (tool === 'nginx') return findNginx() !== undefined;
  if (tool === 'java') return (await findJavaHome()) !== undefined;
  return promisify(execFile)('mvn', ['--version'], { env: await javaEnvironment() }).then(
    () => true,
    () => false,
  );
}

/** The home of a Java 17, which is what Cassandra 5.0 runs on: JAVA_HOME, the one in the PATH, or Debian's. */
export async function findJavaHome(): Promise<string | undefined> {
  const installed = await readdir(JVM_FOLDER).catch(() => []);
  const homes = [
    process.env.JAVA_HOME,
    await homeOf('java'),
    ...installed.filter((name) => /\b17\b/.test(name)).map((name) => path.join(JVM_FOLDER, name)),
  ];
  for (const home of homes) {
    if (home && (await majorVersion(path.join(home, 'bin/java'))) === 17) return home;
  }
  return undefined;
}

/** Our own environment with JAVA_HOME set to that Java. */
export async function javaEnvironment(): Promise<NodeJS.ProcessEnv> {
  const home = await findJavaHome();
  return home ? { ...process.env, JAVA_HOME: home, PATH: `${home}/bin:${process.env.PATH}` } : process.env;
}

async function homeOf(java: string): Promise<string | undefined> {
  const settings = await javaSettings(java);
  return /java\.home = (.+)/.exec(settings)?.[1];
}

async function majorVersion(java: string): Promise<number | undefined> {
  const version = /java\.specification\.version = (\d+)/.exec(await javaSettings(java))?.[1];
  return version ? Number(version) : undefined;
}

async function javaSettings(java: string): Promise<string> {
  return promisify(execFile)(java, ['-XshowSettings:properties', '-version']).then(
    ({ stderr }) => stderr,
    () => '',
  );
}

async function aptInstall(packages: readonly string[], command: string): Promise<void> {
  // The distribution's own Nginx service isn't wanted: on a machine with systemd it would take port 80.
  const script = `set -e
apt-get update -q
apt-get install -y -q --no-install-recommends ${packages.join(' ')}
if [ -d /run/systemd/system ] && echo '${packages.join(' ')}' | grep -q nginx; then systemctl disable --now nginx || true; fi`;
  const child = spawn('sh', ['-c', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk).slice(-2000);
    });
  }
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) throw new StartError(`This failed, run it by hand to see why: ${command}\n${output.trim()}`);
}
