import { execFile } from 'node:child_process';
import { copyFile, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { REPOSITORY } from '../../src/settings.ts';
import { StartError } from '../../src/start-error.ts';
import { ensureTools } from '../../src/tools.ts';

const run = promisify(execFile);
const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt');
/** A virtual environment of its own; ignored by Git, made anew when the requirements have changed. */
const HOME = join(REPOSITORY, '.schemathesis');
const INSTALLED = join(HOME, 'requirements.txt');
/** All that judge an answer by the documents. That valid data is accepted isn't among them: a rule may be more than a schema can say. */
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
  /** Random cases for each operation, beside those that follow from its schema. */
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
  /** As printed for people: the report counts faults, this shows them. */
  readonly output: string;
}

/** Installs the tool where it isn't yet; throws StartError with what to do where that can't be. */
export async function ensureSchemathesis(): Promise<void> {
  const wanted = await readFile(REQUIREMENTS, 'utf8');
  if ((await readFile(INSTALLED, 'utf8').catch(() => '')) === wanted) return;
  await ensureTools(['python']);
  await rm(HOME, { recursive: true, force: true });
  try {
    await run('python3', ['-m', 'venv', HOME]);
    await run(join(HOME, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', '-r', REQUIREMENTS]);
  } catch (cause) {
    const { stderr = '' } = cause as { stderr?: string };
    throw new StartError(`Schemathesis can't be installed from ${REQUIREMENTS}:\n${stderr.slice(-2000)}`, { cause });
  }
  await copyFile(REQUIREMENTS, INSTALLED);
}

/** Sends cases made from a document, the same for the same seed, and holds the answers against it. */
export async function runSchemathesis(options: SchemathesisRun): Promise<SchemathesisReport> {
  const { document, baseUrl, headers, configFile, reportFile, seed, examples, excludedPaths } = options;
  const folder = join(HOME, 'work');
  await mkdir(folder, { recursive: true });
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
  const { stdout } = await run(join(HOME, 'bin/schemathesis'), command, { cwd: folder, maxBuffer: 64 << 20 }).catch(
    // It ends with 1 when it found something, which is in the report.
    (error: { stdout?: string; stderr?: string }) => ({ stdout: `${error.stdout ?? ''}${error.stderr ?? ''}` }),
  );
  const report = await readFile(reportFile, 'utf8').catch(() => '');
  if (report === '') throw new Error(`Schemathesis made no report of ${document}:\n${stdout.slice(-4000)}`);
  return { ...(JSON.parse(report) as Omit<SchemathesisReport, 'output'>), output: stdout };
}
