import assert from 'node:assert/strict';
import { afterEach, mock, test } from 'node:test';
import { parseArgs } from 'node:util';
import { runCommand } from '../src/run-command.ts';
import { StartError } from '../src/start-error.ts';

const said = mock.method(console, 'error', () => undefined);

afterEach(() => {
  process.exitCode = undefined;
  said.mock.resetCalls();
});

/** What was said of the error, and the exit code. */
async function failWith(error: unknown, failure?: number): Promise<unknown[]> {
  const fail = async () => {
    throw error;
  };
  await runCommand(fail, failure);
  return [...said.mock.calls.flatMap((call) => call.arguments), process.exitCode];
}

test('what somebody can do something about is told in a sentence', async () => {
  assert.deepEqual(await failWith(new StartError('Port 8080 is taken.')), ['Port 8080 is taken.', 1]);
});

test('so are options that are not there', async () => {
  await runCommand(async () => void parseArgs({ args: ['--nonsense'], options: {} }), 2);
  const [sentence] = said.mock.calls.flatMap((call) => call.arguments);
  assert.match(sentence, /^Unknown option '--nonsense'/);
  assert.equal(process.exitCode, 2);
});

test('a fault of our own is shown with all that is known of it', async () => {
  const fault = new TypeError('x is not a function');
  assert.deepEqual(await failWith(fault, 2), [fault, 2]);
});

test('a command that says how it went ends with that', async () => {
  await runCommand(async () => 3);
  assert.deepEqual([said.mock.callCount(), process.exitCode], [0, 3]);
});
