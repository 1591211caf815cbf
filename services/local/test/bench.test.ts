import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Round, Sample } from '../bench/comparison.ts';
import { type Compared, findFaults, type Report, toPage } from '../bench/report.ts';

const MB = 1024 * 1024;

function sample(perSecond: number, processorTime = 100): Sample {
  return { perSecond, processorTime, databaseTime: 0 };
}

function reportOf(rounds: readonly Round[], rest: Partial<Report> = {}, promised: Partial<Compared> = {}): Report {
  return {
    at: '2026-11-21T00:00:00.000Z',
    machine: 'a machine',
    products: 20_000,
    starts: { first: 60, second: 10 },
    compared: [{ name: 'list', against: 'Express', atLeast: 0.7, atLeastPerSecond: undefined, rounds, ...promised }],
    memory: [{ name: 'product', bytes: 100 * MB }],
    growth: { products: 200_000, before: { list: 500, product: 400 }, after: { list: 590, product: 470 } },
    ...rest,
  };
}

const fast: Round = { store: sample(80), bare: sample(100) };

describe('the bench reports', () => {
  test('nothing, if every promise is kept', () => {
    assert.deepEqual(findFaults(reportOf([fast, fast]), { list: 0.9 }), []);
  });

  test('a single round below the promised speed', () => {
    const slow: Round = { store: sample(69), bare: sample(100) };
    const [fault, ...others] = findFaults(reportOf([fast, slow, fast]), {});
    assert.match(fault ?? '', /^list reaches 0\.69/);
    assert.deepEqual(others, []);
  });

  test('missed promises on the saved page too', () => {
    const slow: Round = { store: sample(69), bare: sample(100) };
    assert.match(toPage(reportOf([slow])), /^These promises were not kept:\n\n- list reaches 0\.69/m);
    assert.match(toPage(reportOf([fast])), /^Every promise was kept\.$/m);
  });

  test('a speed below the promised absolute one', () => {
    const [fault] = findFaults(reportOf([fast], {}, { atLeastPerSecond: 81 }), {});
    assert.match(fault ?? '', /^list is done 80 times a second/);
  });

  test('processor time more than 15 % above the saved one, as a share of the bare one', () => {
    const dear: Round = { store: sample(80, 116), bare: sample(100, 100) };
    assert.match(findFaults(reportOf([dear]), { list: 1 })[0] ?? '', /^list costs 1\.16/);
    assert.deepEqual(findFaults(reportOf([dear]), { list: 1.01 }), []);
  });

  test('reads that grow with the catalogue, a large service and a slow second start', () => {
    const faults = findFaults(
      reportOf([fast], {
        growth: { products: 200_000, before: { list: 500, product: 400 }, after: { list: 601, product: 480 } },
        memory: [
          { name: 'order-2', bytes: 121 * MB },
          { name: 'cassandra', bytes: 900 * MB },
        ],
        starts: { first: 60, second: 20.1 },
      }),
      {},
    );
    assert.equal(faults.length, 3);
    assert.match(faults.join('\n'), /^A list .*\norder-2 takes 121 MB.*\nThe second start takes 20\.1 s/);
  });
});
