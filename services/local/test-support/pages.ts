import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { REPOSITORY } from '../src/settings.ts';

/** The words after a fence's language: how its commands are known to work. Without any, a test runs them (services/local/e2e/docs.ts). */
export type Proof =
  | { readonly kind: 'run' }
  /** Also run, but each loop only twice: `sh brief`. */
  | { readonly kind: 'brief' }
  /** Another test does the same: `sh by=<file>`. */
  | { readonly kind: 'by'; readonly file: string }
  /** Needs a Docker engine: `sh docker`. The names in it are looked up in docker-compose.yml. */
  | { readonly kind: 'docker' }
  /** Takes too long for a test, or needs uncommon programs: `sh apart`. Its options are looked up. */
  | { readonly kind: 'apart' };

export interface Fence {
  /** Relative to the repository. */
  readonly page: string;
  readonly line: number;
  readonly language: string;
  readonly words: string;
  readonly text: string;
}

/** All pages, in reading order. */
export const PAGES: readonly string[] = [
  'README.md',
  '.github/CONTRIBUTING.md',
  '.github/SECURITY.md',
  'CHANGELOG.md',
  ...globSync('docs/pages/**/*.md', { cwd: REPOSITORY }).sort(),
];

export function readPage(page: string): string {
  return readFileSync(path.join(REPOSITORY, page), 'utf8');
}

/** The fenced blocks of a page, from top to bottom. */
export function fencesOf(page: string): Fence[] {
  const text = readPage(page);
  return [...text.matchAll(/^```([^\s`]*)[ \t]*(.*)\n([\s\S]*?)^```$/gm)].map((found) => {
    const [, language = '', words = '', body = ''] = found;
    return { page, line: text.slice(0, found.index).split('\n').length, language, words, text: body };
  });
}

/** Throws an Error that names the place if there is no such proof. */
export function proofOf({ page, line, words }: Fence): Proof {
  if (words === '') return { kind: 'run' };
  if (words === 'brief' || words === 'docker' || words === 'apart') return { kind: words };
  const file = /^by=(\S+)$/.exec(words)?.[1];
  if (file === undefined) throw new Error(`${page}:${line} says “${words}”: see services/local/test-support/pages.ts`);
  return { kind: 'by', file };
}
