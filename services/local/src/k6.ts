import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { REPOSITORY } from './settings.ts';
import { StartError } from './start-error.ts';

/** How to run k6: `args` come before its own arguments; `folder` is where the command sees the repository. */
export interface K6 {
  readonly command: string;
  readonly args: readonly string[];
  readonly folder: string;
}

const VERSION = '1.8.1';
/** As in docker-compose.yml. */
export const IMAGE = `grafana/k6:${VERSION}`;
/** Ignored by Git. */
const FOLDER = path.join(REPOSITORY, '.k6');
const BUILT = path.join(FOLDER, 'k6');
/** Variables that a container gets. It sees the machine's network, the scripts and the folder of the reports. */
const PASSED_ON = ['STORE_URL', 'SCENARIO', 'USERS', 'RATE', 'DURATION', 'THINK_SECONDS', 'SEEDED_USERS', 'CURRENCY'];
const SECRET = ['SHOPPER_PASSWORD', 'ADMIN_EMAIL', 'ADMIN_PASSWORD'];
const OWN = ['K6_WEB_DASHBOARD', 'K6_WEB_DASHBOARD_PORT', 'K6_WEB_DASHBOARD_EXPORT'];
const SENDING = ['K6_PROMETHEUS_RW_SERVER_URL', 'K6_PROMETHEUS_RW_TREND_STATS', 'K6_PROMETHEUS_RW_STALE_MARKERS'];

/**
 * k6 from the PATH; else its Docker image; else built once with Go, which takes a few minutes. Throws a StartError that says what to
 * install if there is none of these.
 */
export async function findK6(reports: string, onBuild: () => void): Promise<K6> {
  for (const command of ['k6', BUILT]) if (await answers(command, ['version'])) return native(command);
  for (const having of [
    ['image', 'inspect', IMAGE],
    ['pull', '--quiet', IMAGE],
  ])
    if (await answers('docker', having)) return inDocker(reports);
  if (!(await answers('go', ['version']))) {
    throw new StartError(
      `k6 is missing: install it (https://grafana.com/docs/k6/latest/set-up/install-k6/), or Docker, or Go to build it with.`,
    );
  }
  onBuild();
  await promisify(execFile)('go', ['install', `go.k6.io/k6@v${VERSION}`], {
    env: { ...process.env, GOBIN: FOLDER },
    maxBuffer: 16 << 20,
  }).catch((cause: Error & { stderr?: string }) => {
    throw new StartError(`k6 can't be built with Go:\n${cause.stderr?.slice(-2000)}`, { cause });
  });
  return native(BUILT);
}

function native(command: string): K6 {
  return { command, args: [], folder: REPOSITORY };
}

function inDocker(reports: string): K6 {
  const environment = [...PASSED_ON, ...SECRET, ...OWN, ...SENDING].flatMap((name) => ['--env', name]);
  const volumes = ['--volume', `${REPOSITORY}/loadtest:/store/loadtest:ro`, '--volume', `${reports}:${reports}`];
  const user = ['--user', `${process.getuid?.()}:${process.getgid?.()}`];
  const args = ['run', '--rm', '--init', '--network=host', ...user, ...volumes, ...environment, IMAGE];
  return { command: 'docker', args, folder: '/store' };
}

function answers(command: string, args: readonly string[]): Promise<boolean> {
  return promisify(execFile)(command, [...args]).then(
    () => true,
    () => false,
  );
}
