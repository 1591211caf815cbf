import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { REPOSITORY } from '../src/settings.ts';
import type { RunningStore } from './running-store.ts';

/** Their shell examples are run from top to bottom, each page as one script. */
const PAGES = ['first-purchase.md', 'api.md'];

/** What the pages tell people to paste works. */
export function docs(running: () => RunningStore): void {
  for (const page of PAGES) {
    test(`the examples of ${page} work as they stand, in their order`, async () => {
      const text = await readFile(path.join(REPOSITORY, 'docs/pages', page), 'utf8');
      const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block);
      assert.ok(blocks.length > 2);
      // A pipe that ends early is no success; what a block prints last is what a reader sees.
      const script = ['set -euxo pipefail', ...blocks].join('\n');
      const { stdout } = await promisify(execFile)('bash', ['-c', script], {
        env: { ...process.env, STORE: running().store.baseUrl },
        timeout: 60_000,
      });
      assert.doesNotMatch(stdout, /undefined|NaN|"code":/);
    });
  }
}
