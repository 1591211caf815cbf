import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NotFound, Unavailable } from '#platform/errors.ts';
import { throughOutages } from '#platform/through-outages.ts';

const outage = new Unavailable('database_unavailable', 'Not now.');

/** Fails as told, then gives how often it was asked. */
function failing(...errors: readonly Error[]) {
  let asked = 0;
  return async () => {
    const error = errors[asked];
    asked += 1;
    if (error) throw error;
    return asked;
  };
}

test('work continues when an outage ends; any other failure is thrown at once', async () => {
  assert.equal(await throughOutages(failing(outage, outage)), 3);
  await assert.rejects(throughOutages(failing(new NotFound('not_found', 'Gone.'))), { code: 'not_found' });
  await assert.rejects(throughOutages(failing(outage, new Error('broken'))), /broken/);
});

test("an outage that doesn't end is thrown after the last wait", async () => {
  let asked = 0;
  const work = async () => {
    asked += 1;
    throw outage;
  };
  await assert.rejects(throughOutages(work, [1, 2, 3]), { code: 'database_unavailable' });
  assert.equal(asked, 4);
});
