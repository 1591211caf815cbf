import assert from 'node:assert/strict';
import { afterEach, mock, test } from 'node:test';
import { ConfigError } from '#platform/config.ts';
import { MigrationError } from '../../../cassandra/migration-error.ts';
import { runCommand } from '../src/run-command.ts';
import { StartError } from '../src/start-error.ts';

const said = mock.method(console, 'error', () => undefined);
const { argv } = process;

afterEach(() => {
  process.argv = argv;
  process.exitCode = undefined;
  said.mock.resetCalls();
});

function typing(...args: readonly string[]): void {
  process.argv = ['node', 'command', ...args];
}

/** What was printed about the error, and the exit code. */
async function failWith(error: unknown, failure = 1): Promise<unknown[]> {
  await runCommand({ help: '', failure }, async () => {
    throw error;
  });
  return [...said.mock.calls.flatMap((call) => call.arguments), process.exitCode];
}

/** What `--help` prints, which it does synchronously. */
function printedBy(start: () => Promise<void>): string {
  const written = mock.method(process.stdout, 'write', () => true);
  start();
  written.mock.restore();
  return written.mock.calls.map((call) => call.arguments[0]).join('');
}

test('an error that the user can act on is shown as one sentence', async () => {
  for (const Kind of [StartError, ConfigError, MigrationError]) {
    assert.deepEqual(await failWith(new Kind('Port 8080 is taken.')), ['Port 8080 is taken.', 1]);
    said.mock.resetCalls();
  }
});

test('so is an unknown option', async () => {
  typing('--nonsense');
  await runCommand({ help: '', failure: 2 }, () => assert.fail('the command ran'));
  const [sentence] = said.mock.calls.flatMap((call) => call.arguments);
  assert.match(sentence, /^Unknown option '--nonsense'.*\. See --help\.$/);
  assert.equal(process.exitCode, 2);
});

test('a bug is shown with all that is known about it', async () => {
  const fault = new TypeError('x is not a function');
  assert.deepEqual(await failWith(fault, 2), [fault, 2]);
});

test('a command that returns an exit code ends with it', async () => {
  await runCommand({ help: '' }, async () => 3);
  assert.deepEqual([said.mock.callCount(), process.exitCode], [0, 3]);
});

test('a command gets its options and its argument', async () => {
  typing('flash-sale', '--users', '7');
  await runCommand(
    { help: '', options: { users: { type: 'string' }, rate: { type: 'string', default: '10' } }, argument: 'required' },
    async (values, scenario) => {
      assert.deepEqual([{ ...values }, scenario], [{ users: '7', rate: '10' }, 'flash-sale']);
    },
  );
  assert.deepEqual([said.mock.callCount(), process.exitCode], [0, undefined]);
});

test('--help prints the help and runs nothing', () => {
  const command = { help: 'npm run load -- <scenario>\n', argument: 'required', failure: 2 } as const;
  const main = () => assert.fail('the command ran');
  typing('--help');
  assert.equal(
    printedBy(() => runCommand(command, main)),
    command.help,
  );
  assert.equal(process.exitCode, 0);
});

test('so do a missing and an extra argument, as a failure', () => {
  const command = { help: 'npm run load -- <scenario>\n', argument: 'required', failure: 2 } as const;
  const main = () => assert.fail('the command ran');
  for (const args of [[], ['smoke', 'soak']]) {
    typing(...args);
    assert.equal(
      printedBy(() => runCommand(command, main)),
      command.help,
    );
    assert.equal(process.exitCode, 2);
  }
});
