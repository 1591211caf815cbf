import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { REPOSITORY } from '../src/settings.ts';
import { eventually } from '../test-support/eventually.ts';
import { type Fence, fencesOf, PAGES, proofOf } from '../test-support/pages.ts';
import type { RunningStore } from './running-store.ts';

/** ms for all examples of a page. */
const PATIENCE = 180_000;
/** Replaces these programs, so that a loop runs just long enough to show that it works. */
const BRIEFLY = 'seq() { command seq 2; }; sleep() { command sleep 0.2; }';

/** What the pages offer to paste works, each page as one script. */
export function docs(running: () => RunningStore): void {
  for (const page of PAGES) {
    const examples = fencesOf(page).filter(isRun);
    if (examples.length === 0) continue;
    test(`the examples of ${page} work unchanged, in order: ${examples.length}`, async () => {
      const { store, settings, shop } = running();
      const home = await mkdtemp(path.join(tmpdir(), 'store-reader-'));
      const script = examples.map(({ words, text }) =>
        words === 'brief' ? `${BRIEFLY}\n${text}unset -f seq sleep` : text,
      );
      try {
        // With pipefail, since a failure early in a pipe must not pass.
        const { stdout } = await promisify(execFile)('bash', ['-c', ['set -euxo pipefail', ...script].join('\n')], {
          cwd: REPOSITORY,
          env: {
            PATH: process.env.PATH,
            HOME: home,
            STORE: store.baseUrl,
            DATA_DIR: store.dataDir,
            INNER_PORT_OFFSET: String(settings.innerPortOffset),
            PRODUCT_SERVICE: store.urls.product[0],
          },
          timeout: PATIENCE,
          maxBuffer: 16 << 20,
        });
        assert.doesNotMatch(stdout, /undefined|NaN|"code":/);
      } finally {
        await rm(home, { recursive: true });
      }
      // Some examples make the store unhealthy for a moment.
      await eventually(
        () => shop.send<{ status: string }>({ method: 'GET', path: '/api/system/health' }),
        ({ body }) => body.status === 'ok',
        30_000,
      );
    });
  }
}

function isRun(fence: Fence): boolean {
  return fence.language === 'sh' && ['run', 'brief'].includes(proofOf(fence).kind);
}
