import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '#platform/logging.ts';
import { currentRequest, remainingMs, withRequestContext } from '#platform/request-context.ts';
import { newTraceparent } from '#platform/tracing/trace-context.ts';
import { createSagaRunner } from '../src/checkout/saga-runner.ts';

/** More than run at a time, so that most wait and are started by whatever ends before them. */
const REQUESTS = 100;

const contextOf = (requestId: string) => ({
  requestId,
  traceparent: newTraceparent(false),
  deadlineAt: Date.now() + 50,
});
const work = () => sleep(5).then(() => currentRequest()?.requestId);

test('intakes and sagas that wait for their turn stay part of their own request', async () => {
  const runner = createSagaRunner(silentLogger);
  const ids = Array.from({ length: REQUESTS }, (_, index) => `request-${index}`);
  const intakes = ids.map((id) => withRequestContext(contextOf(id), () => runner.intake(work)));
  const sagas = ids.map((id) => withRequestContext(contextOf(id), () => runner.run(id, work)));
  assert.deepEqual(await Promise.all(intakes), ids);
  assert.deepEqual(await Promise.all(sagas), ids);
});

test('a saga’s deadline counts from its turn on; one that recovery started has none', async () => {
  const runner = createSagaRunner<number>(silentLogger);
  const left = () => Promise.resolve(remainingMs(60_000));
  const ofRequest = await withRequestContext(contextOf('request'), () => runner.run('one', left));
  assert.ok(ofRequest > 4000 && ofRequest <= 5000, String(ofRequest));
  const endless = { ...contextOf('recovery'), deadlineAt: Number.POSITIVE_INFINITY };
  assert.equal(await withRequestContext(endless, () => runner.run('two', left)), 60_000);
});

test('an order that can’t be written in time is refused with a retryable 503, and never started', async (t) => {
  t.mock.timers.enable({ apis: ['Date'] });
  const runner = createSagaRunner(silentLogger);
  const busy = Promise.withResolvers<void>();
  const others = Array.from({ length: REQUESTS }, (_, index) => runner.run(`order-${index}`, () => busy.promise));
  let isStarted = false;
  const late = runner.intake(async () => {
    isStarted = true;
  });
  t.mock.timers.tick(1);
  const inTime = runner.intake(async () => 'written');
  t.mock.timers.tick(3500);
  busy.resolve();
  await assert.rejects(late, { status: 503, code: 'upstream_unavailable', retryAfter: 2 });
  assert.equal(await inTime, 'written');
  await Promise.all(others);
  assert.equal(isStarted, false);
});
