import { execFile, spawn } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { findNginx } from '../../../nginx/gateway.ts';
import { findJava } from './cassandra/java.ts';
import { StartError } from './start-error.ts';

export const MONITORING_TOOLS = ['prometheus', 'alertmanager', 'node-exporter', 'nginx-exporter', 'mtail'] as const;
export type MonitoringTool = (typeof MONITORING_TOOLS)[number];
export type Tool = 'java' | 'maven' | 'nginx' | 'python' | 'chromium' | 'curl' | 'git' | 'wrk' | MonitoringTool;

interface ToolKind {
  readonly name: string;
  readonly debianPackage: string;
  /** The unit that the package starts by itself on a machine with systemd. */
  readonly unit?: string;
  isThere(): Promise<boolean> | boolean;
}

/** Debian's names of the programs, and their original ones. */
const PROGRAMS: Readonly<Record<MonitoringTool, readonly string[]>> = {
  prometheus: ['prometheus'],
  alertmanager: ['prometheus-alertmanager', 'alertmanager'],
  'node-exporter': ['prometheus-node-exporter', 'node_exporter'],
  'nginx-exporter': ['prometheus-nginx-exporter', 'nginx-prometheus-exporter'],
  mtail: ['mtail'],
};

const TOOLS: Readonly<Record<Tool, ToolKind>> = {
  java: { name: 'Java 17', debianPackage: 'openjdk-17-jre-headless', isThere: hasJava17 },
  maven: { name: 'Maven (mvn)', debianPackage: 'maven', isThere: () => isInPath('mvn') },
  nginx: { name: 'Nginx', debianPackage: 'nginx-light', unit: 'nginx', isThere: () => findNginx() !== undefined },
  python: { name: 'Python 3.10 or later with venv', debianPackage: 'python3-venv', isThere: hasPython },
  chromium: { name: 'Chromium', debianPackage: 'chromium', isThere: () => findChromium() !== undefined },
  curl: { name: 'curl', debianPackage: 'curl', isThere: () => isInPath('curl') },
  git: { name: 'Git', debianPackage: 'git', isThere: () => isInPath('git') },
  wrk: { name: 'wrk', debianPackage: 'wrk', isThere: () => isInPath('wrk') },
  prometheus: monitoringTool('prometheus', 'Prometheus', 'prometheus'),
  alertmanager: monitoringTool('alertmanager', 'Alertmanager', 'prometheus-alertmanager'),
  'node-exporter': monitoringTool('node-exporter', 'node exporter', 'prometheus-node-exporter'),
  'nginx-exporter': monitoringTool('nginx-exporter', 'Nginx exporter', 'prometheus-nginx-exporter'),
  mtail: monitoringTool('mtail', 'mtail', 'mtail'),
};

function monitoringTool(tool: MonitoringTool, name: string, debianPackage: string): ToolKind {
  return { name, debianPackage, unit: debianPackage, isThere: () => PROGRAMS[tool].some(isInPath) };
}

/** The program's name on this machine. */
export function programOf(tool: MonitoringTool): string {
  return PROGRAMS[tool].find(isInPath) ?? PROGRAMS[tool][0] ?? tool;
}

/** The browser's file, under one of its names in Debian, in Ubuntu and from Google. */
export function findChromium(): string | undefined {
  return findInPath('chromium') ?? findInPath('chromium-browser') ?? findInPath('google-chrome');
}

/**
 * Makes sure that the programs are installed. Root on Debian gets the missing ones installed, anyone else the exact command to run.
 * Throws StartError if one is still missing.
 */
export async function ensureTools(
  tools: readonly Tool[],
  onInstall: (names: string) => void = () => undefined,
): Promise<void> {
  const missing = await listMissing(tools);
  if (missing.length === 0) return;
  const names = missing.map((tool) => TOOLS[tool].name).join(', ');
  const packages = missing.map((tool) => TOOLS[tool].debianPackage).join(' ');
  const command = `apt-get update && apt-get install -y --no-install-recommends ${packages}`;
  if (!existsSync('/usr/bin/apt-get')) {
    throw new StartError(
      `${names} must be installed first, with this system's package manager (on Debian: ${command}).`,
    );
  }
  if (process.getuid?.() !== 0) {
    throw new StartError(`${names} must be installed first. Run this, then start again:\n\n  sudo sh -c '${command}'`);
  }
  onInstall(names);
  await install(
    command,
    missing.flatMap((tool) => TOOLS[tool].unit ?? []),
  );
  const still = await listMissing(missing);
  if (still.length > 0) {
    throw new StartError(`${still.map((tool) => TOOLS[tool].name).join(', ')} can't be found even after: ${command}`);
  }
}

async function listMissing(tools: readonly Tool[]): Promise<Tool[]> {
  const found = await Promise.all(tools.map((tool) => TOOLS[tool].isThere()));
  return tools.filter((_, index) => !found[index]);
}

function hasJava17(): Promise<boolean> {
  return findJava().then(
    () => true,
    () => false,
  );
}

/** On Debian the interpreter may be installed without what virtual environments need. */
async function hasPython(): Promise<boolean> {
  const program = 'import ensurepip, sys; sys.exit(sys.version_info < (3, 10))';
  return promisify(execFile)('python3', ['-c', program]).then(
    () => true,
    () => false,
  );
}

function isInPath(program: string): boolean {
  return findInPath(program) !== undefined;
}

function findInPath(program: string): string | undefined {
  const files = (process.env.PATH ?? '').split(path.delimiter).map((folder) => path.join(folder, program));
  return files.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Runs `command`, then stops and disables `units`. Throws StartError with the end of the output. */
async function install(command: string, units: readonly string[]): Promise<void> {
  const disable = units.map((unit) => `systemctl disable --now ${unit} || true; `).join('');
  const quieten = disable && ` && if [ -d /run/systemd/system ]; then ${disable}fi`;
  const child = spawn('sh', ['-c', `${command}${quieten}`], {
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
  if (code !== 0) {
    throw new StartError(`This failed; run it yourself to see more:\n\n  ${command}\n\n${output.trim()}`);
  }
}
