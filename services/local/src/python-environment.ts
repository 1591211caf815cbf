import { execFile } from 'node:child_process';
import { copyFile, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { REPOSITORY } from './settings.ts';
import { StartError } from './start-error.ts';
import { ensureTools } from './tools.ts';

const run = promisify(execFile);

/**
 * The folder of the programs of a virtual environment with exactly what `requirements` names. Ignored by Git, recreated when that file has
 * changed. Throws a StartError that says what to do if it can't be created.
 */
export async function ensurePythonEnvironment(
  name: string,
  requirements: string,
  onInstall: () => void = () => undefined,
): Promise<string> {
  const home = path.join(REPOSITORY, '.python', name);
  const programs = path.join(home, 'bin');
  const installed = path.join(home, 'requirements.txt');
  const wanted = await readFile(requirements, 'utf8');
  if ((await readFile(installed, 'utf8').catch(() => '')) === wanted) return programs;
  await ensureTools(['python']);
  onInstall();
  await rm(home, { recursive: true, force: true });
  try {
    await run('python3', ['-m', 'venv', home]);
    await run(path.join(programs, 'pip'), ['install', '--quiet', '--disable-pip-version-check', '-r', requirements]);
  } catch (cause) {
    const { stderr = '' } = cause as { stderr?: string };
    throw new StartError(`Can't install what ${requirements} names:\n${stderr.slice(-2000)}`, { cause });
  }
  await copyFile(requirements, installed);
  return programs;
}
