import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Exit } from '../src/processes.ts';
import type { Running } from '../src/running.ts';
import { type SupervisorEvent, supervise } from '../src/supervisor.ts';
import { eventually } from '../test-support/eventually.ts';

/** ms that a process takes to be ready, and to stop gracefully. */
const MOMENT = 50;

/** Counts the lives of a process from 1; those in `failing` are never ready, and starting a later one takes `startsFor` ms. */
async function superviseLives({ failing = [] as number[], startsFor = 0 } = {}) {
  const events: SupervisorEvent[] = [];
  const alive = new Set<number>();
  let lives = 0;
  async function start(): Promise<Running> {
    if (lives > 0) await sleep(startsFor);
    lives += 1;
    const pid = lives;
    const { promise: exited, resolve } = Promise.withResolvers<Exit>();
    const end = () => {
      alive.delete(pid);
      resolve({ code: null, signal: 'SIGKILL' });
    };
    alive.add(pid);
    const ready = failing.includes(pid) ? Promise.reject(new Error(`no ${pid}`)) : sleep(MOMENT);
    ready.catch(() => undefined);
    return { pid, ready, exited, kill: end, stop: () => sleep(MOMENT).then(end) };
  }
  const supervised = await supervise('process', start, {
    restarts: true,
    onEvent: (event) => void events.push(event),
    signal: new AbortController().signal,
  });
  return {
    supervised,
    events,
    listAlive: () => [...alive],
    isBack: () => events.some((e) => e.kind === 'back'),
  };
}

test('a process that cannot be restarted is retried with growing delays', async () => {
  const waits: number[] = [];
  let lives = 0;
  const supervised = await supervise(
    'flaky',
    async () => {
      lives += 1;
      const exited = lives === 1 ? sleep(10) : sleep(0);
      return {
        pid: 1,
        ready: lives === 1 ? Promise.resolve() : Promise.reject(new Error('no')),
        exited: exited.then(() => ({ code: 1, signal: null })),
        kill: () => undefined,
        stop: async () => undefined,
      };
    },
    {
      restarts: true,
      onEvent: (event) => 'retryInMs' in event && event.retryInMs !== undefined && waits.push(event.retryInMs),
      signal: new AbortController().signal,
    },
  );
  await eventually(() => waits.length >= 3, Boolean, 15_000);
  await supervised.stop();
  assert.deepEqual(waits.slice(0, 3), [250, 500, 1000]);
});

test('a process that is stopped while it is being restarted is not started again', async () => {
  const { supervised, listAlive } = await superviseLives();
  const restarted = assert.rejects(supervised.restart(), { name: 'AbortError' });
  await supervised.stop();
  await restarted;
  await sleep(2 * MOMENT);
  assert.deepEqual([supervised.pid, listAlive()], [0, []]);
});

test('nor does it stay if it is stopped while it is starting', async () => {
  const { supervised, listAlive } = await superviseLives({ startsFor: 200 });
  const restarted = assert.rejects(supervised.restart(), { name: 'AbortError' });
  await sleep(2 * MOMENT);
  await supervised.stop();
  await restarted;
  assert.deepEqual([supervised.pid, listAlive()], [0, []]);
});

test('a process that is restarted while it recovers from a crash runs once', async () => {
  const { supervised, events, listAlive } = await superviseLives();
  supervised.kill('SIGKILL');
  await eventually(() => events.length > 0, Boolean, 5000);
  await supervised.restart();
  assert.deepEqual(listAlive(), [supervised.pid]);
  await supervised.stop();
  assert.deepEqual(listAlive(), []);
});

test('so does one that crashes at the moment of its restart, and one that is restarted twice at the same time', async () => {
  const { supervised, listAlive } = await superviseLives();
  supervised.kill('SIGKILL');
  await Promise.all([supervised.restart(), supervised.restart()]);
  await sleep(500);
  assert.deepEqual(listAlive(), [supervised.pid]);
  await supervised.stop();
});

test('a failed restart is reported to the caller, and the process is retried until it is back', async () => {
  const { supervised, events, isBack, listAlive } = await superviseLives({ failing: [2, 3] });
  await assert.rejects(supervised.restart(), /no 2/);
  await eventually(isBack, Boolean, 10_000);
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ['failed', 'back'],
  );
  assert.deepEqual([supervised.pid, listAlive()], [4, [4]]);
  await supervised.stop();
});
