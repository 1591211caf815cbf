import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Circuit, createCircuit } from '#platform/client/circuit-breaker.ts';
import { silentLogger } from '#platform/logging.ts';
import { createMetrics } from '#platform/metrics.ts';

const SETTINGS = { failureThreshold: 5, timeoutMs: 50, successThreshold: 2 };
const fail = () => Promise.reject(new Error('It fails.'));
const succeed = async () => undefined;

test("late answers to calls made before the circuit opened don't help to close it", async () => {
  const { circuitState: state } = createMetrics();
  const circuit: Circuit = createCircuit('product', SETTINGS, state, silentLogger);
  const shown = async () => (await state.get()).values[0]?.value;
  let answer: () => void = () => undefined;
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const slow = [1, 2].map(() => circuit.run(() => answered));
  for (let failures = 0; failures < SETTINGS.failureThreshold; failures += 1) await assert.rejects(circuit.run(fail));
  assert.equal(await shown(), 1);
  answer();
  await Promise.all(slow);

  await new Promise((resolve) => setTimeout(resolve, SETTINGS.timeoutMs + 20));
  await circuit.run(succeed);
  assert.equal(await shown(), 2, 'one more success is missing');
  await circuit.run(succeed);
  assert.equal(await shown(), 0);
});
