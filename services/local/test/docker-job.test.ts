import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';

const JOB = path.join(import.meta.dirname, '../src/commands/docker-job.ts');

function runInit(env: Record<string, string>) {
  const { status, stderr } = spawnSync(process.execPath, [JOB, 'init'], {
    env: { PATH: process.env.PATH ?? '', DATA_DIR: '/proc/nowhere', ...env },
    encoding: 'utf8',
  });
  return { status, stderr };
}

test('in production Docker must be told which origins may read responses, even if none', () => {
  const silent = runInit({ NODE_ENV: 'production' });
  assert.deepEqual(silent, {
    status: 1,
    stderr: 'The configuration has faults:\n  CORS_ORIGINS is missing, and production has no default\n',
  });
  const wrong = runInit({ NODE_ENV: 'production', CORS_ORIGINS: '*' });
  assert.match(
    wrong.stderr,
    /CORS_ORIGINS: a comma-separated list of origins such as https:\/\/shop\.example, or none/,
  );
  for (const said of ['none', 'https://shop.example']) {
    const { stderr } = runInit({ NODE_ENV: 'production', CORS_ORIGINS: said });
    assert.doesNotMatch(stderr, /CORS_ORIGINS/);
  }
});
