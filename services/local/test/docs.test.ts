import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { Unauthorized } from '#platform/errors.ts';
import { INTERNAL_ERROR } from '#platform/http/problem.ts';
import { orderConfig } from '../../order/src/config.ts';
import { listOperations } from '../src/documents.ts';
import { REPOSITORY, readSettings, storeEnvironment } from '../src/settings.ts';
import { PAGES, readPage } from '../test-support/pages.ts';

const read = (file: string) => readFileSync(path.join(REPOSITORY, file), 'utf8');
/** A path from the root of the repository. */
const PATH = /`((?:services|cassandra|nginx|monitoring|loadtest|docs|\.github)\/[\w./-]+)`/g;
/** `GET /api/v1/products/{id}?limit=1`, without the query. */
const OPERATION = /`(GET|POST|PUT|PATCH|DELETE) (\/(?:api|internal|\.well-known)\/[\w./{}-]+)/g;
/** Describes a service that doesn't exist. */
const MADE_UP = 'docs/pages/add-a-service.md';
/** Where settings and variables of scripts are defined. */
const SOURCES = '{services,cassandra,nginx,monitoring,loadtest}/**/*.{ts,sh,yml,cql,template,json}';

describe('what the pages say', () => {
  test('each npm command exists', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = namedIn(/npm run ([\w:]+)/g);
    assert.deepEqual(
      named.filter(([, name]) => !scripts[name]),
      [],
    );
  });

  test('each file and folder exists', () => {
    const named = namedIn(PATH);
    assert.deepEqual(
      named.filter(([, name]) => !existsSync(path.join(REPOSITORY, name))),
      [],
    );
  });

  test('each operation is one of a service', async () => {
    const withoutNames = (operation: string) => operation.toLowerCase().replaceAll(/\{\w+\}/g, '{}');
    const known = new Set(Object.values(await listOperations()).flatMap((all) => all.map(withoutNames)));
    const named = PAGES.filter((page) => page !== MADE_UP).flatMap((page) =>
      [...readPage(page).matchAll(OPERATION)].map(([, method, url]) => [page, `${method} ${url}`] as const),
    );
    assert.ok(named.length > 20);
    assert.deepEqual(
      named.filter(([, operation]) => !known.has(withoutNames(operation))),
      [],
    );
  });

  test('each setting and variable is known to the code', () => {
    const files = [...globSync(SOURCES, { cwd: REPOSITORY }), ...globSync('docker-compose*.yml', { cwd: REPOSITORY })];
    const words = new Set(files.flatMap((file) => read(file).match(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g) ?? []));
    const named = namedIn(/`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`\n]*)?`/g);
    // Any setting may come from a file; OpenTelemetry reads its own variables.
    const isKnown = (name: string) =>
      words.has(name) || words.has(name.replace(/_FILE$/, '')) || name.startsWith('OTEL_');
    assert.deepEqual(
      named.filter(([, name]) => !isKnown(name)),
      [],
    );
  });

  test('`.env.example` has each setting with its default, and README names it', () => {
    const values = Object.fromEntries(
      [...read('.env.example').matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name as string, value]),
    );
    const names = Object.keys(storeEnvironment.shape);
    assert.deepEqual(Object.keys(values).toSorted(), names.toSorted());
    const settings = readSettings(values);
    assert.deepEqual({ ...settings, orderDelays: {}, openTelemetry: {} }, readSettings({}));
    const { ORDER_PROCESSING_DELAY_MS, ORDER_SHIPPED_DELAY_MS, ORDER_DELIVERED_DELAY_MS } = orderConfig.shape;
    assert.deepEqual(settings.orderDelays, {
      ORDER_PROCESSING_DELAY_MS: String(ORDER_PROCESSING_DELAY_MS.parse(undefined)),
      ORDER_SHIPPED_DELAY_MS: String(ORDER_SHIPPED_DELAY_MS.parse(undefined)),
      ORDER_DELIVERED_DELAY_MS: String(ORDER_DELIVERED_DELAY_MS.parse(undefined)),
    });
    assert.equal(
      values.OTEL_TRACES_SAMPLER_ARG,
      String(storeEnvironment.shape.OTEL_TRACES_SAMPLER_ARG.parse(undefined)),
    );
    const readme = read('README.md');
    assert.deepEqual(
      // The README describes these together, as the delays of an order; tracing has a page of its own.
      names.filter((name) => !/^(?:ORDER|OTEL)_/.test(name) && !readme.includes(`\`${name}\``)),
      [],
    );
  });

  test('each setting of Docker is documented', () => {
    const settings = [...read('docker-compose.yml').matchAll(/\$\{(\w+)/g)].map(([, name]) => name as string);
    const pages = PAGES.map(readPage).join('\n');
    assert.deepEqual(
      [...new Set(settings)].filter((name) => name !== 'COMPOSE_PROJECT_NAME' && !pages.includes(name)),
      [],
    );
  });

  test('the database page lists each table of the schema, and no others', () => {
    const schema = globSync('cassandra/schema/*/*.cql', { cwd: REPOSITORY }).map(read).join('\n');
    const tables = new Set(
      [...schema.matchAll(/CREATE TABLE (?:IF NOT EXISTS )?(\w+)/g)].map(([, name]) => name as string),
    );
    const page = readPage('docs/pages/database.md');
    assert.deepEqual(
      [...tables].filter((name) => !page.includes(`\`${name}\``)),
      [],
    );
    const rows = [...page.matchAll(/^\| ((?:`\w+`(?:, )?)+) \| `\(/gm)].flatMap(
      ([, cell = '']) => cell.match(/\w+/g) ?? [],
    );
    assert.ok(rows.length > 15);
    assert.deepEqual(
      rows.filter((name) => !tables.has(name)),
      [],
    );
  });

  test('each decision is in the list of decisions', () => {
    const listed = [...readPage('docs/pages/index.md').matchAll(/\]\((adr\/[\w-]+\.md)\)/g)].map(([, file]) => file);
    const written = globSync('docs/pages/adr/*.md', { cwd: REPOSITORY }).map((file) =>
      file.slice('docs/pages/'.length),
    );
    assert.deepEqual(listed, written.sort());
  });

  test('each link leads to an existing file and heading, by GitHub’s anchors', () => {
    const broken = PAGES.flatMap((page) =>
      [...readPage(page).matchAll(/\]\((?!https?:|\/|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].flatMap(
        ([link, file, heading]) => {
          const target = file ? path.join(path.dirname(page), file) : page;
          if (!existsSync(path.join(REPOSITORY, target))) return [`${page}: ${link}`];
          if (heading === undefined || !target.endsWith('.md')) return [];
          return headingsOf(target).includes(heading) ? [] : [`${page}: ${link}`];
        },
      ),
    );
    assert.deepEqual(broken, []);
  });

  test('the errors are exactly those in the code, each with its status', () => {
    const errors = read('services/platform/src/errors.ts');
    const kinds = new Map(
      [...errors.matchAll(/class (\w+) extends StoreError \{\s+readonly status = (\d+);/g)].map(
        ([, name, status]) => [name as string, status as string] as const,
      ),
    );
    const sources = globSync('services/{platform,product,cart,order,user}/src/**/*.ts', { cwd: REPOSITORY }).map(read);
    const made = sources.flatMap((source) => [...source.matchAll(/\bnew (\w+)\(\s*'(\w+)'/g)]);
    const ofNginx = /map \$status \$problem_code \{(.*?)\}/s.exec(read('nginx/problem-texts.conf'))?.[1] ?? '';
    const given = new Set([
      ...made.flatMap(([, kind = '', code]) => (kinds.has(kind) ? [`${kinds.get(kind)} ${code}`] : [])),
      `${kinds.get('Unauthorized')} ${new Unauthorized().code}`,
      `${INTERNAL_ERROR.status} ${INTERNAL_ERROR.code}`,
      ...[...ofNginx.matchAll(/(\d+) "([a-z_]+)"/g)].map(([, status, code]) => `${status} ${code}`),
    ]);
    const rows = [...read('docs/pages/api.md').matchAll(/^\| ([\d, ]+) \| ([^|]+) \|/gm)];
    const listed = rows.flatMap(([, statuses = '', codes = '']) =>
      statuses
        .split(',')
        .flatMap((status) => [...codes.matchAll(/`(\w+)`/g)].map(([, code]) => `${status.trim()} ${code}`)),
    );
    assert.deepEqual(listed.toSorted(), [...given].toSorted());
  });
});

/** Each match of `pattern` on the pages: its page and its first group. */
function namedIn(pattern: RegExp): (readonly [page: string, name: string])[] {
  const named = PAGES.flatMap((page) =>
    [...readPage(page).matchAll(pattern)].map(([, name]) => [page, name as string] as const),
  );
  assert.ok(named.length > 20);
  return named;
}

/** The anchors of a page's headings. */
function headingsOf(page: string): string[] {
  const prose = readPage(page).replaceAll(/^```[\s\S]*?^```$/gm, '');
  return [...prose.matchAll(/^#+ (.*)$/gm)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}
