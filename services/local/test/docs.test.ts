import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { runInThisContext } from 'node:vm';
import { REPOSITORY } from '../src/settings.ts';

const read = (file: string) => readFileSync(path.join(REPOSITORY, file), 'utf8');
const PAGES = [
  'README.md',
  'CHANGELOG.md',
  '.github/CONTRIBUTING.md',
  ...globSync('docs/pages/**/*.md', { cwd: REPOSITORY }),
];
/** Roots of what pages call by its path. */
const PATH = /`((?:services|cassandra|nginx|monitoring|loadtest|docs|\.github)\/[\w./-]+)`/g;

describe('what the pages say', () => {
  test('each npm command is there', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = PAGES.flatMap((page) =>
      [...read(page).matchAll(/npm run ([\w:]+)/g)].map(([, name]) => [page, name]),
    );
    assert.ok(named.length > 20);
    assert.deepEqual(
      named.filter(([, name]) => !scripts[name as string]),
      [],
    );
  });

  test('each file and folder is there', () => {
    const named = PAGES.flatMap((page) =>
      [...read(page).matchAll(PATH)].map(([, name]) => [page, name as string] as const),
    );
    assert.ok(named.length > 20);
    assert.deepEqual(
      named.filter(([, name]) => !existsSync(path.join(REPOSITORY, name))),
      [],
    );
  });

  test('each sequence diagram can be read by what draws it', async () => {
    runInThisContext(read('node_modules/@mermaid-js/tiny/dist/mermaid.tiny.js'));
    const { mermaid } = globalThis as unknown as { mermaid: { parse(text: string): Promise<unknown> } };
    const diagrams = PAGES.flatMap((page) => [...read(page).matchAll(/^```mermaid\n(sequenceDiagram.*?)^```$/gms)]);
    assert.ok(diagrams.length > 1);
    for (const [, text] of diagrams) await mermaid.parse(text as string);
  });

  test('the codes of errors are those that the code gives, all of them', () => {
    const sources = globSync('services/{platform,product,cart,order,user}/src/**/*.ts', { cwd: REPOSITORY }).map(read);
    const errors = read('services/platform/src/errors.ts');
    const kinds = [...errors.matchAll(/class (\w+) extends StoreError/g)].map(([, name]) => name).join('|');
    const thrown = [
      ...sources.flatMap((source) => [...source.matchAll(new RegExp(`new (?:${kinds})\\(\\s*'(\\w+)'`, 'g'))]),
      ...`${errors}${read('services/platform/src/http/problem.ts')}`.matchAll(/\bcode(?::| =) '(\w+)'/g),
    ];
    const ofNginx = /map \$status \$problem_code \{(.*?)\}/s.exec(read('nginx/problem-texts.conf'))?.[1] ?? '';
    const given = new Set([...thrown, ...ofNginx.matchAll(/"([a-z_]+)"/g)].map(([, code]) => code));
    const table = read('docs/pages/api.md')
      .split('\n')
      .filter((line) => /^\| \d/.test(line));
    const listed = new Set(
      table.flatMap((line) => [...(line.split('|')[2] ?? '').matchAll(/`(\w+)`/g)].map(([, code]) => code)),
    );
    assert.deepEqual([...listed].sort(), [...given].sort());
  });
});
