import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createPoller } from '#platform/poller.ts';

test('a poller runs at once and then after each pause, one run at a time, until it is stopped', async () => {
  const starts: number[] = [];
  let running = 0;
  const poller = createPoller(async () => {
    starts.push(performance.now());
    running += 1;
    assert.equal(running, 1);
    await sleep(30);
    running -= 1;
  }, 20);
  poller.start();
  assert.equal(starts.length, 1);
  await sleep(200);
  await poller.stop();
  const before = starts.length;
  assert.ok(before >= 2 && before <= 5, `${before} runs`);
  assert.ok(starts.every((start, index) => index === 0 || start - (starts[index - 1] ?? 0) >= 45));
  await sleep(120);
  assert.equal(starts.length, before);
});

test('a poller stopped and started during a run goes on as one', async () => {
  let runs = 0;
  const poller = createPoller(async () => {
    runs += 1;
    await sleep(50);
  }, 50);
  poller.start();
  await poller.stop();
  poller.start();
  await sleep(325);
  await poller.stop();
  assert.ok(runs >= 3 && runs <= 5, `${runs} runs`);
});
