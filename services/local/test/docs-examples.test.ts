import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { REPOSITORY } from '../src/settings.ts';
import { type Fence, fencesOf, PAGES, proofOf, readPage } from '../test-support/pages.ts';

const LANGUAGES = ['sh', 'ts', 'text', 'mermaid'];
/** What a test of the whole store calls instead of `npm start`. */
const STARTS = /RunningStore|startStore/;

const read = (file: string) => readFileSync(path.join(REPOSITORY, file), 'utf8');
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
const fences = PAGES.flatMap(fencesOf);
const examples = fences.filter(({ language }) => language === 'sh');
const ofKind = (kind: string) => examples.filter((fence) => proofOf(fence).kind === kind);

describe('the examples of the pages', () => {
  test('each block states its kind', () => {
    const others = fences.filter(({ language }) => !LANGUAGES.includes(language));
    assert.deepEqual(others.map(where), []);
  });

  test('each is run by a test, or names something else that shows that it works', (context) => {
    const listed = ['by', 'docker', 'apart'].flatMap((kind) =>
      ofKind(kind).map((fence) => `${where(fence)} (${fence.words})`),
    );
    for (const line of listed) context.diagnostic(line);
    context.diagnostic(
      `${examples.length - listed.length} of ${examples.length} are run by services/local/e2e/docs.ts`,
    );
    assert.ok(ofKind('apart').length <= 1);
    for (const fence of examples) {
      const proof = proofOf(fence);
      if (proof.kind !== 'by') continue;
      assert.ok(existsSync(path.join(REPOSITORY, proof.file)), `${where(fence)}: ${proof.file} isn't there`);
      for (const subject of subjectsOf(fence.text))
        assert.match(read(proof.file), subject, `${proof.file} doesn't do what stands in ${where(fence)}`);
    }
  });

  test('each is a valid script', () => {
    for (const fence of examples) execFileSync('bash', ['-n', '-c', fence.text], { stdio: 'pipe' });
  });

  test('each option of our commands in them is in their --help', async () => {
    const asked = new Map<string, Set<string>>();
    for (const page of PAGES) {
      for (const [, name = '', rest = ''] of readPage(page).matchAll(/\bnpm (?:run )?([\w:]+) -- ([^`\n|&)]*)/g)) {
        const options = asked.get(name) ?? new Set();
        for (const [option] of rest.matchAll(/--[\w-]+/g)) options.add(option);
        asked.set(name, options);
      }
    }
    assert.ok(asked.size > 5);
    for (const [name, options] of asked) {
      if (options.size === 0) continue;
      const { stdout } = await promisify(execFile)('sh', ['-c', `${scripts[name]} --help`], { cwd: REPOSITORY });
      // Every command has it, though few list it.
      options.delete('--help');
      for (const option of options) assert.ok(stdout.includes(option), `npm run ${name} doesn't tell of ${option}`);
    }
  });

  test('the names in those for Docker are in the compose files', () => {
    const compose = ['docker-compose.yml', 'docker-compose.three-nodes.yml'].map(
      (file) => parse(read(file), { merge: true, maxAliasCount: -1 }) as Compose,
    );
    const services = Object.assign({}, ...compose.map((file) => file.services)) as Compose['services'];
    const profiles = Object.values(services).flatMap((service) => service.profiles ?? []);
    const volumes = compose.flatMap((file) => Object.keys(file.volumes));
    const images = Object.values(services).map(({ image }) => image);
    const jobs = read('services/local/src/commands/docker-job.ts');
    const variables = read('docker-compose.yml');
    const known: readonly [RegExp, (name: string) => boolean][] = [
      [/ -f (\S+)/g, (file) => existsSync(path.join(REPOSITORY, file)) || file.includes('{{')],
      [/--profile (\S+)/g, (profile) => profiles.includes(profile)],
      [/--scale ([\w-]+)=/g, (name) => name in services],
      [/\bfor service in ([\w -]+);/g, (names) => names.split(' ').every((name) => name in services)],
      [
        /docker compose (?:ps -q|exec|stop|start|pause|unpause|kill -s \w+|logs(?: -f)?(?: --tail \d+)?) ([a-z][\w-]*)/g,
        (name) => name in services,
      ],
      [/docker compose run (?:--\S+ )*([\w-]+)/g, (name) => name in services],
      [/docker-job\.ts ([\w-]+)/g, (job) => new RegExp(`^  '?${job}'?[,:]`, 'm').test(jobs)],
      [/\$\{PROJECT\}_([\w-]+)/g, (name) => volumes.includes(name)],
      [/--entrypoint \w+ (\S+)/g, (image) => images.includes(image)],
      [/\b([A-Z_]+)=\S* docker compose/g, (name) => variables.includes(`\${${name}`)],
    ];
    const inText = PAGES.flatMap((page) =>
      [...readPage(page).matchAll(/`((?:[A-Z_]+=\S+ )?docker [^`\n]+)`/g)].map(
        ([, text]) => [page, text as string] as const,
      ),
    );
    const texts = [...ofKind('docker').map((fence) => [where(fence), fence.text] as const), ...inText];
    let looked = 0;
    for (const [place, text] of texts) {
      for (const [pattern, isKnown] of known) {
        for (const [, name = ''] of text.matchAll(pattern)) {
          looked += 1;
          assert.ok(isKnown(name), `${place}: there is no ${name}`);
        }
      }
    }
    assert.ok(looked > 20);
  });
});

interface Compose {
  readonly services: Readonly<Record<string, { readonly image: string; readonly profiles?: readonly string[] }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

function where({ page, line }: Fence): string {
  return `${page}:${line}`;
}

/** What a test that does the same must mention. */
function subjectsOf(text: string): RegExp[] {
  const commands = [...text.matchAll(/\bnpm (?:run )?([\w:]+)/g)].map(([, name]) => name as string);
  const files = [...text.matchAll(/[\w/.-]+\/([\w-]+\.sh)\b/g)].map(([, file]) => new RegExp(file as string));
  const subjects = commands
    .filter((name) => name !== 'ci')
    .map((name) => (name === 'start' ? STARTS : new RegExp(`\\b${name}\\b`)));
  assert.ok(subjects.length + files.length > 0, `Nobody can tell what does this: ${text}`);
  return [...subjects, ...files];
}
