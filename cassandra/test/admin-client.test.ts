import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errors, types } from 'cassandra-driver';
import { retryWriteTimeouts } from '../admin-client.ts';

const { writeTimeout, invalid } = types.responseErrorCodes;

/** Fails `times` times, then succeeds. */
function failing(times: number, code: number) {
  let attempts = 0;
  const work = async () => {
    attempts += 1;
    if (attempts <= times) throw new errors.ResponseError(code, 'refused');
    return 'done';
  };
  return { work, attempts: () => attempts };
}

test('a write that timed out is repeated, up to five times', async () => {
  const fourTimes = failing(4, writeTimeout);
  assert.equal(await retryWriteTimeouts(fourTimes.work), 'done');
  const always = failing(Infinity, writeTimeout);
  await assert.rejects(retryWriteTimeouts(always.work), { code: writeTimeout });
  assert.deepEqual([fourTimes.attempts(), always.attempts()], [5, 5]);
});

test('a write that was refused is not repeated', async () => {
  const refused = failing(1, invalid);
  await assert.rejects(retryWriteTimeouts(refused.work), { code: invalid });
  assert.equal(refused.attempts(), 1);
});
