import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '#platform/cassandra/database.ts';
import { createDueQueue, type DueQueue, type DueWork } from '#platform/cassandra/due-queue.ts';
import { toLong } from '#platform/cassandra/values.ts';
import { silentLogger } from '#platform/logging.ts';
import { createMetrics } from '#platform/metrics.ts';
import { currentRequest, withRequestContext } from '#platform/request-context.ts';
import { newTraceparent } from '#platform/tracing/trace-context.ts';
import { openDatabase, type TestKeyspaces, useKeyspaces } from '../../local/test-support/cassandra.ts';
import { eventually } from '../../local/test-support/eventually.ts';

const SLOT_MS = 60_000;

let keyspaces: TestKeyspaces;
let database: Database;
let queues: DueQueue[] = [];

before(async () => {
  keyspaces = await useKeyspaces();
  database = await openDatabase(keyspaces, 'product');
});

beforeEach(async () => {
  // Each test begins as a queue that has seen all until now.
  await database.write('test.watermark', 'INSERT INTO due_watermark (worker, done_until) VALUES (?, ?)', [
    'due',
    slotOf(Date.now()),
  ]);
});

afterEach(async () => {
  await Promise.all(queues.map((queue) => queue.stop()));
  queues = [];
});

after(async () => {
  await database.close();
  await keyspaces.stop();
});

const slotOf = (time: number) => new Date(time - (time % SLOT_MS));

function openQueue(handle: (work: DueWork) => Promise<void>): DueQueue {
  const queue = createDueQueue({ database, logger: silentLogger, metrics: createMetrics(), handle });
  queues.push(queue);
  return queue;
}

/** Puts a row of any time, as one whose write took long, or of an earlier process. */
async function putAt(dueAt: number, id: string, action = 'work'): Promise<void> {
  await database.write('test.put', 'INSERT INTO due (slot, due_at, id, action) VALUES (?, ?, ?, ?)', [
    slotOf(dueAt),
    new Date(dueAt),
    id,
    action,
  ]);
}

async function readWatermark(): Promise<number> {
  const [row] = await database.read('test.watermark', 'SELECT done_until FROM due_watermark WHERE worker = ?', ['due']);
  assert.ok(row);
  return (row.done_until as Date).getTime();
}

test('work is handled when it is due, not before, and only once', { timeout: 30_000 }, async () => {
  const handled: { id: string; action: string; at: number }[] = [];
  const queue = openQueue(async ({ id, action }) => void handled.push({ id, action, at: Date.now() }));
  queue.start();
  const [soon, later] = [randomUUID(), randomUUID()];
  const now = Date.now();
  await queue.put(1000, later, 'later');
  await queue.put(0, soon, 'soon');
  const own = () => handled.filter(({ id }) => id === soon || id === later);
  await eventually(() => own().length === 2, Boolean, 5000);
  assert.deepEqual(
    own().map(({ action }) => action),
    ['soon', 'later'],
  );
  assert.ok((own()[1]?.at ?? 0) >= now + 1000);
  await sleep(1500);
  assert.equal(own().length, 2, 'looking again within the overlap handles nothing twice');
});

test('work runs under the id of the request that put it off, even after a failure; other work has an id of its own', {
  timeout: 60_000,
}, async () => {
  const [mine, nobodys] = [randomUUID(), randomUUID()];
  const seen: { id: string; requestId: string | undefined; traceparent: string | undefined }[] = [];
  const of = (wanted: string) => seen.filter(({ id }) => id === wanted);
  const queue = openQueue(async ({ id }) => {
    const { requestId, traceparent } = currentRequest() ?? {};
    seen.push({ id, requestId, traceparent });
    if (id === mine && of(mine).length === 1) throw new Error('not the first time');
  });
  queue.start();
  const context = {
    requestId: 'request-of-somebody',
    traceparent: newTraceparent(true),
    deadlineAt: Date.now() + 5000,
  };
  await withRequestContext(context, () => queue.put(0, mine, 'work'));
  await queue.put(0, nobodys, 'work');
  await eventually(() => of(mine).length === 2 && of(nobodys).length === 1, Boolean, 25_000);
  assert.deepEqual(
    of(mine).map(({ requestId }) => requestId),
    ['request-of-somebody', 'request-of-somebody'],
  );
  assert.ok(of(mine).every(({ traceparent }) => traceparent && traceparent !== context.traceparent));
  assert.match(of(nobodys)[0]?.requestId ?? '', /^[0-9a-f-]{36}$/);
});

test("the time up to which work has been handled is a metric, and stands still while some work doesn't end", {
  timeout: 60_000,
}, async () => {
  const metrics = createMetrics();
  let finish: () => void = () => undefined;
  const slow = randomUUID();
  const handle = async ({ id }: DueWork) => {
    if (id === slow)
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
  };
  const queue = createDueQueue({ database, logger: silentLogger, metrics, handle });
  queues.push(queue);
  const lagMs = async () => {
    const text = await metrics.registry.getSingleMetricAsString('due_handled_until_seconds');
    return Date.now() - 1000 * Number(text.split(' ').at(-1));
  };
  queue.start();
  await eventually(async () => (await lagMs()) < 2000, Boolean, 25_000);
  await queue.put(0, slow, 'slow');
  await eventually(async () => (await lagMs()) > 4000, Boolean, 25_000);
  finish();
  await eventually(async () => (await lagMs()) < 2000, Boolean, 25_000);
});

test('one id may be due for several actions, and hundreds of rows due at once are all handled', {
  timeout: 60_000,
}, async () => {
  const handled = new Set<string>();
  const queue = openQueue(async ({ id, action }) => void handled.add(`${id} ${action}`));
  const ids = Array.from({ length: 700 }, () => randomUUID());
  const base = Date.now() - 1000;
  await Promise.all(ids.flatMap((id, index) => ['one', 'two'].map((action) => putAt(base + (index % 7), id, action))));
  queue.start();
  await eventually(() => ids.every((id) => handled.has(`${id} one`) && handled.has(`${id} two`)), Boolean, 30_000);
});

test('skipped work is left to other replicas; the same work put again is not skipped', {
  timeout: 30_000,
}, async () => {
  const [mine, others]: [number[], number[]] = [[], []];
  const id = randomUUID();
  const noteIn = (times: number[]) =>
    openQueue(async (work) => {
      if (work.id === id) times.push(work.dueAt.getTime());
    });
  const [queue, other] = [noteIn(mine), noteIn(others)];
  await queue.put(500, id, 'work');
  const skip = await queue.put(600, id, 'work');
  await queue.put(700, id, 'work');
  skip();
  queue.start();
  other.start();
  await eventually(() => others.length === 3 && mine.includes(others[2] as number), Boolean, 5000);
  assert.deepEqual(mine, [others[0], others[2]]);
});

test('work that fails is retried until it succeeds, and delays nothing else', { timeout: 30_000 }, async () => {
  const [failing, fine] = [randomUUID(), randomUUID()];
  let attempts = 0;
  let isFineDone = false;
  const queue = openQueue(async ({ id }) => {
    if (id === fine) isFineDone = true;
    if (id !== failing) return;
    attempts += 1;
    if (attempts < 3) throw new Error('not yet');
  });
  queue.start();
  await queue.put(0, failing, 'work');
  await queue.put(0, fine, 'work');
  await eventually(() => isFineDone, Boolean, 2500);
  assert.ok(attempts < 2, 'a failed one rests first');
  await eventually(() => attempts === 3, Boolean, 25_000);
  await sleep(3800);
  assert.equal(attempts, 3);
});

test("work that fails in every replica is retried as one row: it doesn't multiply", { timeout: 30_000 }, async () => {
  const id = randomUUID();
  const replicas = Array.from({ length: 3 }, () =>
    openQueue(async (work) => {
      if (work.id === id) throw new Error('never');
    }),
  );
  for (const replica of replicas) replica.start();
  const startedAt = Date.now();
  await replicas[0]?.put(0, id, 'work');
  await sleep(10_000);
  await Promise.all(replicas.map((replica) => replica.stop()));
  const slots = [slotOf(startedAt), slotOf(startedAt + SLOT_MS)];
  const query = 'SELECT id FROM due WHERE slot IN ? AND due_at >= ?';
  const rows = await database.read('test.rows', query, [slots, new Date(startedAt)]);
  const own = rows.filter((row) => String(row.id) === id).length;
  assert.ok(own >= 3, `it came again ${own - 1} times`);
  assert.ok(own <= 6, `${own} rows after ten seconds`);
});

test('work that became due while nothing ran is handled by the next process to start', {
  timeout: 30_000,
}, async () => {
  const id = randomUUID();
  const dead = openQueue(async () => assert.fail('this queue was never started'));
  await dead.put(0, id, 'work');
  const fiveMinutesAgo = randomUUID();
  await database.write('test.watermark', 'INSERT INTO due_watermark (worker, done_until) VALUES (?, ?)', [
    'due',
    slotOf(Date.now() - 5 * SLOT_MS),
  ]);
  await putAt(Date.now() - 5 * SLOT_MS, fiveMinutesAgo);
  const handled = new Set<string>();
  openQueue(async (work) => void handled.add(work.id)).start();
  await eventually(() => handled.has(id) && handled.has(fiveMinutesAgo), Boolean, 5000);
});

test('if no process has saved its position, the next one begins with the oldest work', {
  timeout: 30_000,
}, async () => {
  await database.write('test.forget', 'DELETE FROM due_watermark WHERE worker = ?', ['due']);
  const id = randomUUID();
  await putAt(Date.now() - 3 * SLOT_MS, id);
  const handled = new Set<string>();
  openQueue(async (work) => void handled.add(work.id)).start();
  await eventually(() => handled.has(id), Boolean, 5000);
});

test('stop finishes the work in progress, and leaves the rest to the next process', {
  timeout: 30_000,
}, async () => {
  const ids = Array.from({ length: 40 }, () => randomUUID());
  const [first, second] = [new Set<string>(), new Set<string>()];
  let [begun, ended] = [0, 0];
  const queue = openQueue(async ({ id }) => {
    begun += 1;
    await sleep(150);
    first.add(id);
    ended += 1;
  });
  for (const id of ids) await putAt(Date.now() - 500, id);
  queue.start();
  await eventually(() => begun > 0, Boolean, 5000);
  await queue.stop();
  assert.equal(ended, begun, 'nothing is left half done');
  assert.ok(!ids.every((id) => first.has(id)), 'it did not wait for all of them');
  openQueue(async ({ id }) => void second.add(id)).start();
  await eventually(() => ids.every((id) => first.has(id) || second.has(id)), Boolean, 5000);
});

test('a row that becomes visible late is still handled', { timeout: 30_000 }, async () => {
  const handled = new Set<string>();
  openQueue(async ({ id }) => void handled.add(id)).start();
  await sleep(1000);
  for (const lateness of [300, 1000, 2000]) {
    const id = randomUUID();
    await putAt(Date.now() - lateness, id);
    await eventually(() => handled.has(id), Boolean, 2000);
  }
});

test('so is one that becomes visible while earlier work takes longer than the overlap', {
  timeout: 30_000,
}, async () => {
  const [slow, late] = [randomUUID(), randomUUID()];
  let [isLateHandled, hasBegun] = [false, false];
  openQueue(async ({ id }) => {
    if (id === late) isLateHandled = true;
    if (id !== slow) return;
    hasBegun = true;
    await sleep(4000);
  }).start();
  const dueAt = Date.now() + 1000;
  await putAt(dueAt, slow);
  await eventually(() => hasBegun, Boolean, 5000);
  await putAt(dueAt - 100, late);
  await eventually(() => isLateHandled, Boolean, 8000);
});

test("the watermark advances, but never past work that hasn't been handled", { timeout: 30_000 }, async () => {
  const old = slotOf(Date.now() - 10 * SLOT_MS);
  await database.write('test.watermark', 'INSERT INTO due_watermark (worker, done_until) VALUES (?, ?)', ['due', old]);
  const id = randomUUID();
  await putAt(Date.now() - 9 * SLOT_MS, id);
  let mayEnd = () => {};
  const held = new Promise<void>((resolve) => {
    mayEnd = resolve;
  });
  let hasBegun = false;
  openQueue(async (work) => {
    if (work.id !== id) return;
    hasBegun = true;
    await held;
  }).start();
  await eventually(() => hasBegun, Boolean, 5000);
  await sleep(600);
  assert.equal(await readWatermark(), old.getTime(), 'it waits for the work in hand');
  mayEnd();
  await eventually(async () => (await readWatermark()) >= slotOf(Date.now() - 10_000).getTime(), Boolean, 5000);
});

test('several workers together handle every row at least once', { timeout: 60_000 }, async () => {
  const counts = new Map<string, number>();
  const workers = Array.from({ length: 3 }, () =>
    openQueue(async ({ id }) => {
      counts.set(id, (counts.get(id) ?? 0) + 1);
      if (Math.random() < 0.05) throw new Error('at times');
    }),
  );
  for (const worker of workers) worker.start();
  const ids = Array.from({ length: 150 }, () => randomUUID());
  await Promise.all(ids.map((id, index) => (workers[index % 3] as DueQueue).put(index * 5, id, 'work')));
  await eventually(() => ids.every((id) => counts.has(id)), Boolean, 20_000);
});

test('a temporary database failure stops nothing for good', { timeout: 30_000 }, async () => {
  const handled = new Set<string>();
  let isDown = true;
  const failing: Database = {
    ...database,
    read: async (...parameters) => {
      if (isDown) throw new Error('down');
      return database.read(...parameters);
    },
  };
  const queue = createDueQueue({
    database: failing,
    logger: silentLogger,
    metrics: createMetrics(),
    handle: async ({ id }) => void handled.add(id),
  });
  queues.push(queue);
  queue.start();
  const id = randomUUID();
  await queue.put(0, id, 'work');
  await sleep(700);
  assert.equal(handled.size, 0);
  isDown = false;
  await eventually(() => handled.has(id), Boolean, 5000);
});

test('work whose note took long to write is handled even if the scans have passed it', {
  timeout: 30_000,
}, async () => {
  const handled: string[] = [];
  const id = randomUUID();
  let isFirst = true;
  const slow: Database = {
    ...database,
    async write(...parameters) {
      const delayMs = isFirst ? 4500 : 0;
      isFirst = false;
      await sleep(delayMs);
      return database.write(...parameters);
    },
  };
  openQueue(async (work) => void handled.push(work.id)).start();
  const writer = createDueQueue({
    database: slow,
    logger: silentLogger,
    metrics: createMetrics(),
    handle: async () => assert.fail('this queue was never started'),
  });
  await writer.put(0, id, 'work');
  await eventually(() => handled.includes(id), Boolean, 10_000);
});

test('a watermark saved by a clock that is ahead hides nothing that became due meanwhile', {
  timeout: 30_000,
}, async () => {
  const ahead = Date.now() + 60_000;
  // Its write timestamp is as far ahead, so it outlives what other clocks save, in other tests too: this one must be the last.
  await database.write(
    'test.watermark',
    'INSERT INTO due_watermark (worker, done_until) VALUES (?, ?) USING TIMESTAMP ?',
    ['due', new Date(ahead), toLong(ahead * 1000)],
  );
  const handled: string[] = [];
  const [overdue, soon] = [randomUUID(), randomUUID()];
  await putAt(Date.now() - 2 * SLOT_MS, overdue);
  const queue = openQueue(async ({ id }) => void handled.push(id));
  await queue.put(500, soon, 'work');
  queue.start();
  await eventually(() => handled.includes(overdue) && handled.includes(soon), Boolean, 5000);
});
