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

/** What was said of the error, and the exit code. */
async function failWith(error: unknown, failure = 1): Promise<unknown[]> {
  await runCommand({ help: '', failure }, async () => {
    throw error;
  });
  return [...said.mock.calls.flatMap((call) => call.arguments), process.exitCode];
}

/** What `--help` prints is printed before anything is waited for. */
function printedBy(start: () => Promise<void>): string {
  const written = mock.method(process.stdout, 'write', () => true);
  start();
  written.mock.restore();
  return written.mock.calls.map((call) => call.arguments[0]).join('');
}

test('an error that somebody can do something about is shown as its sentence', async () => {
  for (const Kind of [StartError, ConfigError, MigrationError]) {
    assert.deepEqual(await failWith(new Kind('Port 8080 is taken.')), ['Port 8080 is taken.', 1]);
    said.mock.resetCalls();
  }
});

test('so are options that do not exist', async () => {
  typing('--nonsense');
  await runCommand({ help: '', failure: 2 }, () => assert.fail('the command ran'));
  const [sentence] = said.mock.calls.flatMap((call) => call.arguments);
  assert.match(sentence, /^Unknown option '--nonsense'.*\. See --help\.$/);
  assert.equal(process.exitCode, 2);
});

test('a fault of our own is shown with all that is known of it', async () => {
  const fault = new TypeError('x is not a function');
  assert.deepEqual(await failWith(fault, 2), [fault, 2]);
});

test('a command that says how it went ends with that', async () => {
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

test('so do an argument too few and one too many, as a failure', () => {
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
