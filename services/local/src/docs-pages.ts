import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { ensurePythonEnvironment } from './python-environment.ts';
import { REPOSITORY } from './settings.ts';
import { StartError } from './start-error.ts';

const DOCS = path.join(REPOSITORY, 'docs');
const SITE = path.join(DOCS, 'site');
/** MkDocs writes it last, so its age is that of the pages. */
const BUILT = path.join(SITE, 'sitemap.xml');

/**
 * Builds the pages that the store serves at `/docs/` if they are older than their sources. Resolves to true if it did.
 * Throws a StartError that says what is wrong.
 */
export async function ensureDocs(onBuild: () => void = () => undefined): Promise<boolean> {
  const sources = ['docs/pages', 'docs/mkdocs.yml', 'docs/hooks.py', 'docs/requirements.txt', 'CHANGELOG.md'];
  const changed = await Promise.all(sources.map((source) => newestIn(path.join(REPOSITORY, source))));
  if ((await newestIn(BUILT)) > Math.max(...changed)) return false;
  onBuild();
  await buildDocs(SITE);
  return true;
}

/** Any warning is a failure: a broken link, a page that is in no menu. */
export async function buildDocs(folder: string): Promise<void> {
  const programs = await ensurePythonEnvironment('docs', path.join(DOCS, 'requirements.txt'));
  const config = path.join(DOCS, 'mkdocs.yml');
  try {
    await promisify(execFile)(path.join(programs, 'mkdocs'), ['build', '--strict', '-q', '-f', config, '-d', folder], {
      env: { ...process.env, NO_MKDOCS_2_WARNING: '1' },
    });
  } catch (cause) {
    const { stderr = '' } = cause as { stderr?: string };
    throw new StartError(`MkDocs can't build the pages of docs/:\n${stderr.trim().slice(-4000)}`, { cause });
  }
}

/** When a file, or the newest file of a folder, was changed, in ms; 0 if there is none. */
async function newestIn(source: string): Promise<number> {
  const found = await stat(source).catch(() => undefined);
  if (!found?.isDirectory()) return found?.mtimeMs ?? 0;
  const names = await readdir(source);
  return Math.max(found.mtimeMs, ...(await Promise.all(names.map((name) => newestIn(path.join(source, name))))));
}
