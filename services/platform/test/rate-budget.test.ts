import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRateBudget } from '../src/rate-budget.ts';

test('a rate budget covers its number of calls each second, and no more in that second', () => {
  let now = 5_200;
  const isCovered = createRateBudget(2, () => now);
  assert.deepEqual([isCovered(), isCovered(), isCovered()], [true, true, false]);
  now = 5_999;
  assert.equal(isCovered(), false);
  now = 6_000;
  assert.deepEqual([isCovered(), isCovered(), isCovered()], [true, true, false]);
});
