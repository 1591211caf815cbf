// The entry of `npm start` for any Node: plain JavaScript, so that an older one gets as far as saying what to do.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const bundled = fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url));

if (Number.parseInt(process.versions.node, 10) >= 24) {
  if (existsSync(bundled)) await import('./src/commands/start.ts');
  else fail('The packages are missing: run `npm ci` first.');
} else if (existsSync(bundled) && spawnSync(bundled, ['--version']).status === 0) {
  fail(`This is Node ${process.versions.node}. Use \`npm start\`: it brings its own Node 24.`);
} else {
  fail(
    `This is Node ${process.versions.node}, the store runs on 24, which \`npm ci\` brings along (without --omit=dev or --ignore-scripts): run that first.`,
  );
}

function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exitCode = 1;
}
