import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type GeneratedFile, listGenerated } from '../../../../monitoring/generated.ts';
import { toConfigurationPage } from '../configuration-page.ts';
import { runCommand } from '../run-command.ts';
import { REPOSITORY } from '../settings.ts';

const HELP = `npm run generate: writes the files under version control that are made from others: dashboards, rules, the configuration page.
Then \`git diff\` shows what has changed.
`;

/** The generated files under version control that are out of date, with their new content. */
export function listStale(): GeneratedFile[] {
  const files = [...listGenerated(), { path: 'docs/pages/configuration.md', content: toConfigurationPage() }];
  return files.filter(({ path: file, content }) => readIfThere(file) !== content);
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(path.join(REPOSITORY, file), 'utf8');
  } catch {
    return undefined;
  }
}

function main(): void {
  const stale = listStale();
  for (const { path: file, content } of stale) {
    mkdirSync(path.dirname(path.join(REPOSITORY, file)), { recursive: true });
    writeFileSync(path.join(REPOSITORY, file), content);
    console.log(`wrote ${file}`);
  }
  if (stale.length === 0) console.log('Everything was up to date.');
}

if (import.meta.main) await runCommand({ help: HELP }, async () => main());
