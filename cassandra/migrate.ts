import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Client, errors, types } from 'cassandra-driver';
import {
  type Admin,
  type ClusterOptions,
  createAdminClient,
  executeChange,
  quoteText,
  retryWriteTimeouts,
} from './admin-client.ts';
import { KEYSPACES, type RoleName } from './keyspaces.ts';
import { type Lock, type LockOptions, takeLock } from './lock.ts';
import { MigrationError } from './migration-error.ts';
import { changeRole, findRoleSteps } from './roles.ts';
import { splitStatements } from './statements.ts';

export interface MigrateOptions extends ClusterOptions, LockOptions {
  /** A superuser: it creates keyspaces, tables and roles. */
  readonly admin: Admin;
  readonly passwords: Readonly<Record<RoleName, string>>;
  readonly replicationFactor?: number;
  /** Put before every keyspace and role; lower-case letters, digits and underscores. */
  readonly keyspacePrefix?: string;
  /** Told before each step, in words. */
  readonly onStep?: (step: string) => void;
  readonly schemaDir?: string;
}

interface MigrationFile {
  readonly name: string;
  readonly statements: readonly string[];
}

/** A keyspace as `cassandra/schema` wants it. */
interface WantedKeyspace {
  readonly keyspace: string;
  readonly files: readonly MigrationFile[];
}

interface Recorded {
  readonly checksum: string;
  readonly state: 'running' | 'applied';
  readonly statementsDone: number;
}

/** Holds the lock of a whole run. */
const LOCK_KEYSPACE = KEYSPACES.product;

/**
 * Brings the four keyspaces, their tables and roles to what `cassandra/schema` says. Can be repeated and run by several at once: each
 * statement is executed once, and a run that was cut off is continued. Returns the files that it applied, as `keyspace/file`.
 * Refuses a file that was changed after it was applied. Throws MigrationError, or the driver's own errors.
 */
export async function migrate(options: MigrateOptions): Promise<{ applied: string[] }> {
  const { keyspacePrefix: prefix = '', passwords, replicationFactor = 1, onStep = () => {} } = options;
  const { localDataCenter = 'datacenter1', schemaDir = fileURLToPath(new URL('schema/', import.meta.url)) } = options;
  if (!/^[a-z0-9_]{0,20}$/.test(prefix))
    throw new MigrationError(`The keyspace prefix ${prefix} holds something other than a-z, 0-9 and _.`);
  const wanted: readonly WantedKeyspace[] = await Promise.all(
    Object.entries(KEYSPACES).map(async ([service, keyspace]) => ({
      keyspace: `${prefix}${keyspace}`,
      files: await readFiles(join(schemaDir, service)),
    })),
  );

  const client = createAdminClient({ ...options, localDataCenter }, options.admin);
  try {
    await client.connect();
    if ((await areDone(client, wanted)) && (await findRoleSteps(client, prefix, passwords)).length === 0) {
      return { applied: [] };
    }
    const lockKeyspace = `${prefix}${LOCK_KEYSPACE}`;
    await createKeyspaces(client, wanted, lockKeyspace, localDataCenter, replicationFactor, onStep);
    const lock = await takeLock(client, lockKeyspace, options, onStep);
    try {
      const applied: string[] = [];
      for (const each of wanted) applied.push(...(await migrateKeyspace(client, each, lock, onStep)));
      for (const step of await findRoleSteps(client, prefix, passwords)) {
        onStep(step.words);
        await lock.renew();
        await changeRole(client, step);
      }
      return { applied };
    } finally {
      await lock.release();
    }
  } finally {
    await client.shutdown();
  }
}

async function readFiles(folder: string): Promise<MigrationFile[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.cql')).sort();
  return Promise.all(
    names.map(async (name) => {
      if (!/^\d{4}_\w+\.cql$/.test(name))
        throw new MigrationError(`${join(folder, name)} is not named NNNN_what_it_does.cql.`);
      try {
        return { name, statements: splitStatements(await readFile(join(folder, name), 'utf8')) };
      } catch (error) {
        throw new MigrationError(`${join(folder, name)}: ${error instanceof Error ? error.message : String(error)}`, {
          cause: error,
        });
      }
    }),
  );
}

async function areDone(client: Client, wanted: readonly WantedKeyspace[]): Promise<boolean> {
  const tables = await findTables(client, wanted);
  if (!wanted.every(({ keyspace }) => tables.has(`${keyspace}.schema_migrations`))) return false;
  for (const { keyspace, files } of wanted) {
    const recorded = await readRecorded(client, keyspace);
    for (const file of files) if (remainingStatements(keyspace, file, recorded.get(file.name)).length > 0) return false;
  }
  return true;
}

async function findTables(client: Client, wanted: readonly WantedKeyspace[]): Promise<Set<string>> {
  const query = 'SELECT keyspace_name, table_name FROM system_schema.tables WHERE keyspace_name IN ?';
  const { rows } = await client.execute(query, [wanted.map(({ keyspace }) => keyspace)], { prepare: true });
  return new Set(rows.map((row) => `${row.get('keyspace_name')}.${row.get('table_name')}`));
}

async function readRecorded(client: Client, keyspace: string): Promise<Map<string, Recorded>> {
  const { rows } = await client.execute(
    `SELECT name, checksum, state, statements_done FROM ${keyspace}.schema_migrations`,
  );
  return new Map(
    rows.map((row) => [
      row.get('name'),
      { checksum: row.get('checksum'), state: row.get('state'), statementsDone: row.get('statements_done') },
    ]),
  );
}

/** The statements of a file that are still to be executed. Those that were executed must still be in the file as they were. */
function remainingStatements(
  keyspace: string,
  { name, statements }: MigrationFile,
  recorded: Recorded | undefined,
): readonly string[] {
  if (recorded === undefined) return statements;
  const done = recorded.state === 'applied' ? statements : statements.slice(0, recorded.statementsDone);
  if (recorded.checksum !== checksumOf(done)) {
    throw new MigrationError(
      `${keyspace}/${name} was changed after it was applied. Restore what it said (its comments are free) and put the change into a new file.`,
    );
  }
  return statements.slice(done.length);
}

async function createKeyspaces(
  client: Client,
  wanted: readonly WantedKeyspace[],
  lockKeyspace: string,
  localDataCenter: string,
  replicationFactor: number,
  onStep: (step: string) => void,
): Promise<void> {
  const tables = await findTables(client, wanted);
  const replication = `{'class': 'NetworkTopologyStrategy', ${quoteText(localDataCenter)}: ${replicationFactor}}`;
  for (const { keyspace } of wanted) {
    const create = async (table: string, columns: string) => {
      if (!tables.has(`${keyspace}.${table}`))
        await executeChange(client, `CREATE TABLE IF NOT EXISTS ${keyspace}.${table} (${columns})`);
    };
    if (!tables.has(`${keyspace}.schema_migrations`)) {
      onStep(`keyspace ${keyspace}`);
      await executeChange(client, `CREATE KEYSPACE IF NOT EXISTS ${keyspace} WITH replication = ${replication}`);
    }
    // The lock is written conditionally alone, the record never: the two must not share a table.
    if (keyspace === lockKeyspace) await create('schema_lock', 'name text PRIMARY KEY, owner text');
    await create(
      'schema_migrations',
      'name text PRIMARY KEY, checksum text, state text, statements_done int, applied_at timestamp',
    );
  }
}

async function migrateKeyspace(
  client: Client,
  { keyspace, files }: WantedKeyspace,
  lock: Lock,
  onStep: (step: string) => void,
): Promise<string[]> {
  const recorded = await readRecorded(client, keyspace);
  const applied: string[] = [];
  for (const file of files) {
    const before = recorded.get(file.name);
    const statements = remainingStatements(keyspace, file, before);
    if (before?.state === 'applied') continue;
    await client.execute(`USE ${keyspace}`);
    const total = file.statements.length;
    let done = total - statements.length;
    // Recorded before the first statement: only then is "already exists" known to be our own work.
    if (before === undefined) await record(client, keyspace, file, 'running', 0);
    for (const [index, statement] of statements.entries()) {
      onStep(`${keyspace}/${file.name} ${done + 1}/${total}: ${statement.split('(', 1)[0]?.trim()}`);
      await lock.renew();
      try {
        await executeChange(client, statement);
      } catch (error) {
        const wasCutOffHere = index === 0 && before !== undefined;
        if (!wasCutOffHere || !isAlreadyDone(statement, error)) throw error;
      }
      done += 1;
      await record(client, keyspace, file, done === total ? 'applied' : 'running', done);
    }
    if (total === 0) await record(client, keyspace, file, 'applied', 0);
    applied.push(`${keyspace}/${file.name}`);
  }
  return applied;
}

async function record(
  client: Client,
  keyspace: string,
  { name, statements }: MigrationFile,
  state: Recorded['state'],
  done: number,
): Promise<void> {
  await retryWriteTimeouts(() =>
    client.execute(
      `INSERT INTO ${keyspace}.schema_migrations (name, checksum, state, statements_done, applied_at) VALUES (?, ?, ?, ?, ?)`,
      [name, checksumOf(statements.slice(0, done)), state, done, new Date()],
      { prepare: true },
    ),
  );
}

function checksumOf(statements: readonly string[]): string {
  return createHash('sha256').update(statements.join(';\n')).digest('hex');
}

function isAlreadyDone(statement: string, error: unknown): boolean {
  if (!(error instanceof errors.ResponseError)) return false;
  if (error.code === types.responseErrorCodes.alreadyExists) return true;
  if (error.code !== types.responseErrorCodes.invalid) return false;
  return /\bDROP\b/i.test(statement)
    ? /doesn't exist|was not found/.test(error.message)
    : /already exists/.test(error.message);
}
