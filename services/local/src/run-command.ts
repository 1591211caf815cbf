import { type ParseArgsConfig, parseArgs } from 'node:util';
import { ConfigError } from '#platform/config.ts';
import { MigrationError } from '../../../cassandra/migration-error.ts';
import { StartError } from './start-error.ts';

type Options = NonNullable<ParseArgsConfig['options']>;
/** What `parseArgs` makes of options like these. */
export type OptionValues<Of extends Options> = ReturnType<typeof parseArgs<{ options: Of }>>['values'];
/** Whether a command takes one argument without a name. */
type Argument = 'none' | 'optional' | 'required';

export interface Command<Of extends Options, Takes extends Argument> {
  /** What `--help` prints, and a call with an argument too many or too few. */
  readonly help: string;
  readonly options?: Of;
  readonly argument?: Takes;
  /** Exit code of a failure; 1 by default. */
  readonly failure?: number;
}

/** Errors that the person at the keyboard can do something about. */
const EXPECTED = [StartError, ConfigError, MigrationError];

/**
 * Runs a command on what was typed; `main` may give its exit code. An expected error is shown as its message, any other with all that is
 * known of it, and the exit code is `failure`.
 */
export async function runCommand<const Of extends Options = Record<never, never>, Takes extends Argument = 'none'>(
  { help, options, argument, failure = 1 }: Command<Of, Takes>,
  main: (
    values: OptionValues<Of>,
    argument: Takes extends 'required' ? string : string | undefined,
  ) => Promise<number> | Promise<void>,
): Promise<void> {
  try {
    const { values, positionals } = parse({
      options: { ...options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: (argument ?? 'none') !== 'none',
    });
    const isMissing = argument === 'required' && positionals.length === 0;
    if (values.help || isMissing || positionals.length > 1) {
      process.stdout.write(help);
      process.exitCode = values.help ? 0 : failure;
      return;
    }
    process.exitCode = (await main(values as OptionValues<Of>, positionals[0] as string)) ?? process.exitCode;
  } catch (error) {
    console.error(isExpected(error) ? error.message : error);
    process.exitCode = failure;
  }
}

/** True for an error whose message says what to do. */
export function isExpected(error: unknown): error is Error {
  return EXPECTED.some((kind) => error instanceof kind);
}

function parse<Config extends ParseArgsConfig>(config: Config) {
  try {
    return parseArgs(config);
  } catch (cause) {
    throw new StartError(`${(cause as Error).message}. See --help.`, { cause });
  }
}
