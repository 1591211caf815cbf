import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { runInThisContext } from 'node:vm';
import { parse } from 'yaml';
import { SERVICE_NAMES } from '#platform/service-names.ts';
import { innerPorts, REPOSITORY, readSettings } from '../src/settings.ts';
import { type Fence, fencesOf, PAGES } from '../test-support/pages.ts';

/** People, and third-party parts. */
const OUTSIDE = [
  'shopper',
  'client',
  'admin',
  'operator',
  'anybody',
  'shop front',
  'alert receiver',
  'trace collector',
];
const GROUPS = ['product store', 'services', 'other services', 'monitoring', 'platform'];
/** Their roles and keyspaces. */
const KEYSPACES = ['product', 'cart', 'orders', 'users'];

const read = (file: string) => readFileSync(path.join(REPOSITORY, file), 'utf8');
const compose = parse(read('docker-compose.yml'), { merge: true, maxAliasCount: -1 }) as {
  services: Readonly<Record<string, unknown>>;
};
const containers = Object.keys(compose.services).map((name) => name.replaceAll('-', ' '));
const NAMES = new Set([
  ...OUTSIDE,
  ...GROUPS,
  ...KEYSPACES,
  ...containers,
  ...SERVICE_NAMES.map((name) => `${name} service`),
]);
const ports = innerPorts(0);
const PORTS: Readonly<Record<string, number | undefined>> = {
  ...Object.fromEntries(SERVICE_NAMES.map((name) => [name, ports[name][0]])),
  nginx: readSettings({}).port,
  cassandra: ports.cassandra,
  prometheus: ports.prometheus,
  alertmanager: ports.alertmanager,
  'node exporter': ports.nodeExporter,
  'nginx exporter': ports.nginxExporter,
  mtail: ports.mtail,
};

const diagrams = PAGES.flatMap(fencesOf).filter(({ language }) => language === 'mermaid');

describe('the diagrams of the pages', () => {
  test('the renderer can parse each sequence', async () => {
    runInThisContext(read('node_modules/@mermaid-js/tiny/dist/mermaid.tiny.js'));
    const { mermaid } = globalThis as unknown as { mermaid: { parse(text: string): Promise<unknown> } };
    const sequences = diagrams.filter(isSequence);
    assert.ok(sequences.length > 1);
    for (const { text } of sequences) await mermaid.parse(text);
  });

  test('each names only people, parts and files that exist, with the right ports', () => {
    let looked = 0;
    for (const diagram of diagrams) {
      for (const label of isSequence(diagram) ? participantsOf(diagram) : nodesOf(diagram)) {
        looked += 1;
        const place = `${diagram.page}:${diagram.line}: ${label}`;
        // `name :port: what it is<br>more`, or `folder/file.ts<br>more`.
        const [title = ''] = label.split('<br>');
        const [, name = '', port] = /^(.*?)(?: :(\d+))?(?:[:,(].*)?$/.exec(title) as RegExpExecArray;
        const known = name.trim().toLowerCase();
        assert.ok(title.includes('/') && !NAMES.has(known) ? isFile(diagram, title) : NAMES.has(known), place);
        if (port !== undefined) assert.equal(Number(port), PORTS[known.replace(/ service$/, '')], place);
      }
    }
    assert.ok(looked > 40);
  });

  test('each diagram of a service shows all of its parts', () => {
    for (const name of SERVICE_NAMES) {
      const ofService = diagrams.filter(({ page }) => page === `docs/pages/services/${name}.md`);
      const shown = ofService.flatMap(nodesOf).join(' ');
      for (const entry of readdirSync(path.join(REPOSITORY, `services/${name}/src`), { withFileTypes: true }))
        if (entry.isDirectory()) assert.ok(shown.includes(`${entry.name}/`), `${name} has ${entry.name}`);
    }
  });
});

function isSequence({ text }: Fence): boolean {
  return text.startsWith('sequenceDiagram');
}

function participantsOf({ text }: Fence): string[] {
  return [...text.matchAll(/^ *(?:participant|actor) (\w+)(?: as (.*))?$/gm)].map(
    ([, id, label]) => (label ?? id) as string,
  );
}

/** Labels of nodes and groups; a node without one is labelled by its id. */
function nodesOf({ text }: Fence): string[] {
  const labelled = /(\w+)(?:\[\(|\(\[|\[\[|\[|\(\(|\(|\{)"?([^"\])}]+)"?(?:\)\]|\]\)|\]\]|\]|\)\)|\)|\})/g;
  // The text on an arrow is not a name.
  const withoutArrows = text
    .replaceAll(/\|[^|\n]*\|/g, '')
    .replaceAll(/^ *(?:direction|classDef|class|linkStyle).*$/gm, '');
  const ids = new Set<string>();
  const labels = [...withoutArrows.matchAll(labelled)].map(([, id = '', label = '']) => {
    ids.add(id);
    return label;
  });
  const bare = withoutArrows
    .replaceAll(labelled, '$1')
    .split('\n')
    .slice(1)
    .flatMap((line) => line.replace(/^ *subgraph /, '').split(/<?[-.=]+>?|~+|&/))
    .map((id) => id.trim())
    .filter((id) => id !== '' && id !== 'end' && !ids.has(id));
  return [...labels, ...bare];
}

/** Whether the file is in the repository or, on a service's page, in that service. */
function isFile({ page }: Fence, file: string): boolean {
  const service = /services\/(\w+)\.md$/.exec(page)?.[1];
  const roots = ['', 'services', ...(service ? [`services/${service}/src`] : [])];
  return roots.some((root) => existsSync(path.join(REPOSITORY, root, file)));
}
