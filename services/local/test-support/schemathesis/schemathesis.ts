import { execFile } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensurePythonEnvironment } from '../../src/python-environment.ts';
import { REPOSITORY } from '../../src/settings.ts';

const run = promisify(execFile);
/** Ignored by Git. */
const WORK = join(REPOSITORY, '.python/schemathesis/work');
/** All checks of answers against the documents. Acceptance of valid data isn't one: a rule may say more than a schema can. */
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
  'missing_required_header',
  'unsupported_method',
  'allow_header_conformance',
  'ignored_auth',
];

export interface SchemathesisRun {
  /** Address of an OpenAPI document. */
  readonly document: string;
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly configFile: string;
  readonly reportFile: string;
  readonly seed: number;
  /** Random cases for each operation, besides those that follow from its schema. */
  readonly examples: number;
  readonly excludedPaths: string;
}

/** What one run found. */
export interface SchemathesisReport {
  readonly operations: { readonly selected: number; readonly tested: number };
  readonly test_cases: { readonly generated: number };
  readonly failures: readonly unknown[];
  readonly errors: readonly unknown[];
  readonly warnings: { readonly unsupported_regex: readonly string[] };
  readonly complete: boolean;
  /** As printed for people: it shows the faults, which the report only counts. */
  readonly output: string;
}

/** Installs the tool if necessary, and resolves to the folder of its programs; throws a StartError that says what to do if it can't. */
export function ensureSchemathesis(): Promise<string> {
  return ensurePythonEnvironment('schemathesis', join(import.meta.dirname, 'requirements.txt'));
}

/** Sends cases generated from a document, the same for the same seed, and checks the answers against it. */
export async function runSchemathesis(options: SchemathesisRun): Promise<SchemathesisReport> {
  const { document, baseUrl, headers, configFile, reportFile, seed, examples, excludedPaths } = options;
  const programs = await ensureSchemathesis();
  await mkdir(WORK, { recursive: true });
  await rm(reportFile, { force: true });
  const flags = {
    '--url': baseUrl,
    '--seed': String(seed),
    '--max-examples': String(examples),
    '--exclude-path-regex': excludedPaths,
    '--phases': 'examples,coverage,fuzzing',
    '--checks': CHECKS.join(),
    '--report': 'json',
    '--report-json-path': reportFile,
  };
  const given = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const command = [
    '--config-file',
    configFile,
    '--no-color',
    'run',
    document,
    ...Object.entries(flags).flat(),
    ...given,
  ];
  const { stdout } = await run(join(programs, 'schemathesis'), command, { cwd: WORK, maxBuffer: 64 << 20 }).catch(
    // It exits with 1 when it finds something, which is in the report.
    (error: { stdout?: string; stderr?: string }) => ({ stdout: `${error.stdout ?? ''}${error.stderr ?? ''}` }),
  );
  const report = await readFile(reportFile, 'utf8').catch(() => '');
  if (report === '') throw new Error(`Schemathesis made no report of ${document}:\n${stdout.slice(-4000)}`);
  return { ...(JSON.parse(report) as Omit<SchemathesisReport, 'output'>), output: stdout };
}
