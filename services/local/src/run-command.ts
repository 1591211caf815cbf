import { ConfigError } from '#platform/config.ts';
import { StartError } from './start-error.ts';

/** What the person at the keyboard can do something about. */
const EXPECTED = [StartError, ConfigError];

/**
 * Runs a command; its exit code is the one that `main` gives, if it gives one. Of an error that somebody can do something about, wrong
 * options too, the sentence is told, of any other all that is known, and the exit code is `failure`.
 */
export async function runCommand(main: () => Promise<number> | Promise<void>, failure = 1): Promise<void> {
  try {
    process.exitCode = (await main()) ?? process.exitCode;
  } catch (error) {
    console.error(isExpected(error) ? error.message : error);
    process.exitCode = failure;
  }
}

function isExpected(error: unknown): error is Error {
  const { code = '' } = error as { code?: unknown };
  return EXPECTED.some((kind) => error instanceof kind) || String(code).startsWith('ERR_PARSE_ARGS');
}
