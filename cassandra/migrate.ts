import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compare } from 'bcrypt';
import { auth, Client, errors, types } from 'cassandra-driver';
import { type Cluster, toClusterOptions } from '#platform/cassandra/cluster.ts';
import { KEYSPACES, ROLE_NAMES, type RoleName } from './keyspaces.ts';
import { splitStatements } from './statements.ts';

/** The data centre is datacenter1 if none is named. */
type ClusterOptions = Omit<Cluster, 'localDataCenter'> & Partial<Pick<Cluster, 'localDataCenter'>>;

export interface Admin {
  username: string;
  password: string;
}

export interface MigrateOptions extends ClusterOptions {
  /** A superuser: it makes keyspaces, tables and roles. */
  admin: Admin;
  passwords: Record<RoleName, string>;
  replicationFactor?: number;
  /** Put before every keyspace and role; lower-case letters, digits and underscores. */
  keyspacePrefix?: string;
  /** Told before each thing that is done, in words. */
  onStep?: (step: string) => void;
  schemaDir?: string;
  /** A runner that was killed stands in the way for this long. */
  lockTtlSeconds?: number;
  /** How long to wait for another runner. */
  lockWaitMs?: number;
}

export interface BootstrapOptions extends ClusterOptions {
  admin: Admin;
  /** How long to wait for a server that is still starting. */
  timeoutMs?: number;
}

/** What keeps a migration from being done, in a sentence for people. Nothing is half-recorded: it may be run again. */
export class MigrationError extends Error {
  override name = 'MigrationError';
}

interface MigrationFile {
  name: string;
  statements: string[];
}

interface Room {
  keyspace: string;
  files: MigrationFile[];
}

interface Recorded {
  checksum: string;
  state: 'running' | 'applied';
  statementsDone: number;
}

/**
 * Brings the four keyspaces, their tables and roles to what `cassandra/schema` says. May be repeated and run by several at once:
 * each statement is executed once, a run that was cut off is continued. Gives the files it applied, `keyspace/file`.
 * Refuses a file that was changed after it was applied. Throws MigrationError, or the driver's own errors.
 */
export async function migrate(options: MigrateOptions): Promise<{ applied: string[] }> {
  const { keyspacePrefix: prefix = '', replicationFactor = 1, onStep = () => {} } = options;
  const { localDataCenter = 'datacenter1', schemaDir = fileURLToPath(new URL('schema/', import.meta.url)) } = options;
  if (!/^[a-z0-9_]{0,20}$/.test(prefix))
    throw new MigrationError(`Keyspace prefix ${prefix} is not made of a-z, 0-9 and _.`);
  const wanted = await Promise.all(
    Object.entries(KEYSPACES).map(async ([folder, keyspace]) => ({
      keyspace: `${prefix}${keyspace}`,
      files: await readFiles(join(schemaDir, folder)),
    })),
  );

  const client = createClient({ ...options, localDataCenter }, options.admin);
  try {
    await client.connect();
    if ((await keyspacesAreDone(client, wanted)) && (await roleSteps(client, prefix, options.passwords)).length === 0) {
      return { applied: [] };
    }
    const lockKeyspace = `${prefix}product`;
    await createKeyspaces(client, wanted, localDataCenter, replicationFactor, onStep);
    const lock = await takeLock(client, lockKeyspace, options, onStep);
    try {
      const applied: string[] = [];
      for (const room of wanted) applied.push(...(await migrateRoom(client, room, lock, onStep)));
      for (const step of await roleSteps(client, prefix, options.passwords)) {
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

/**
 * Makes `admin` the superuser of a fresh server and takes cassandra/cassandra its login and its rights; on any other server only checks
 * that `admin` can sign in. May be repeated, also after it was cut off. Throws MigrationError when neither account can sign in.
 */
export async function bootstrapAdmin(options: BootstrapOptions): Promise<void> {
  const { contactPoints, localDataCenter = 'datacenter1', tlsCa, admin, timeoutMs = 30_000 } = options;
  const cluster = { contactPoints, localDataCenter, tlsCa };
  if (admin.username === 'cassandra') throw new MigrationError('The superuser needs another name than cassandra.');
  const create = `CREATE ROLE IF NOT EXISTS ${quoteName(admin.username)} WITH PASSWORD = ${quoteText(admin.password)} AND LOGIN = true AND SUPERUSER = true`;
  const deadline = Date.now() + timeoutMs;
  let wasDisabled = false;
  for (;;) {
    const own = await asUser(cluster, admin, disableDefaultAccount);
    if (own === 'done') return;
    const fresh = await asUser(cluster, { username: 'cassandra', password: 'cassandra' }, (client) =>
      change(client, create),
    );
    if (fresh === 'done') continue;
    // The server makes its default account only a moment after it opened the port (10 s where that isn't set otherwise).
    // Who disabled it between our two attempts has made ours before.
    if ((fresh === 'login disabled' && wasDisabled) || Date.now() > deadline) {
      throw new MigrationError(
        `${admin.username} can't sign in to Cassandra at ${contactPoints.join(', ')}, and no default account is left: ` +
          'its data was made with another password. Give that password, or start with an empty data folder.',
      );
    }
    wasDisabled = fresh === 'login disabled';
    await sleep(100);
  }
}

type SignIn = 'done' | 'refused' | 'login disabled';

async function asUser(cluster: Cluster, user: Admin, work: (client: Client) => Promise<void>): Promise<SignIn> {
  const client = createClient(cluster, user);
  try {
    await client.connect();
    await work(client);
    return 'done';
  } catch (error) {
    if (error instanceof errors.ResponseError && ASSEMBLING.has(error.code)) return 'refused';
    const refusals = error instanceof errors.NoHostAvailableError ? Object.values(error.innerErrors) : [error];
    const refusal = refusals.find((each) => each instanceof errors.AuthenticationError);
    if (refusal === undefined) throw error;
    return /not permitted to log in/.test(refusal.message) ? 'login disabled' : 'refused';
  } finally {
    await client.shutdown();
  }
}

/** Nodes of a new cluster that don't see each other yet, or of which another has just begun to do the same. */
const ASSEMBLING = new Set<number>([
  types.responseErrorCodes.unavailableException,
  types.responseErrorCodes.writeTimeout,
  types.responseErrorCodes.readTimeout,
  types.responseErrorCodes.unauthorized,
]);

async function disableDefaultAccount(client: Client): Promise<void> {
  const row = (
    await client.execute("SELECT can_login, is_superuser FROM system_auth.roles WHERE role = 'cassandra'")
  ).first();
  if (row?.get('can_login') || row?.get('is_superuser')) {
    await change(client, 'ALTER ROLE cassandra WITH SUPERUSER = false AND LOGIN = false');
    await forgetCached(client, 'cassandra');
  }
}

/**
 * Takes a role out of the node's caches. Those are refreshed in the background, after the access that found them old: without this the
 * first sign-in within a minute after the change still succeeds with what was valid before it. (Virtual tables, Cassandra 4.1 and up.)
 */
async function forgetCached(client: Client, role: string): Promise<void> {
  for (const cache of ['credentials_cache_keys', 'roles_cache_keys']) {
    await client.execute(`DELETE FROM system_views.${cache} WHERE role = ?`, [role], { prepare: true });
  }
}

const agreementWaitSeconds = 30;

function createClient(cluster: Cluster, user: Admin): Client {
  const { protocolOptions, ...options } = toClusterOptions(cluster);
  return new Client({
    ...options,
    authProvider: new auth.PlainTextAuthProvider(user.username, user.password),
    protocolOptions: { ...protocolOptions, maxSchemaAgreementWaitSeconds: agreementWaitSeconds },
    queryOptions: { consistency: types.consistencies.localQuorum, serialConsistency: types.consistencies.localSerial },
    pooling: { coreConnectionsPerHost: { [types.distance.local]: 1 }, heartBeatInterval: 0 },
    // Schema changes take longer than requests do; nobody here looks at the driver's own picture of the schema.
    socketOptions: { readTimeout: 30_000, connectTimeout: 5_000 },
    isMetadataSyncEnabled: false,
    monitorReporting: { enabled: false },
  });
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

const checksumOf = (statements: string[]) => createHash('sha256').update(statements.join(';\n')).digest('hex');

async function keyspacesAreDone(client: Client, wanted: Room[]): Promise<boolean> {
  const tables = await findTables(client, wanted);
  if (!wanted.every(({ keyspace }) => tables.has(`${keyspace}.schema_migrations`))) return false;
  for (const room of wanted) {
    const recorded = await readRecorded(client, room.keyspace);
    for (const file of room.files) if (toDo(room, file, recorded.get(file.name)).length > 0) return false;
  }
  return true;
}

async function findTables(client: Client, wanted: Room[]): Promise<Set<string>> {
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

/** The statements of a file that are still to be executed. What was executed must stand in the file as it was. */
function toDo(room: Room, file: MigrationFile, recorded: Recorded | undefined): string[] {
  if (recorded === undefined) return file.statements;
  const done = recorded.state === 'applied' ? file.statements : file.statements.slice(0, recorded.statementsDone);
  if (recorded.checksum !== checksumOf(done)) {
    throw new MigrationError(
      `${room.keyspace}/${file.name} was changed after it was applied. Put back what it said (its comments are free) and write the change into a new file.`,
    );
  }
  return file.statements.slice(done.length);
}

async function createKeyspaces(
  client: Client,
  wanted: Room[],
  localDataCenter: string,
  replicationFactor: number,
  onStep: (step: string) => void,
): Promise<void> {
  const tables = await findTables(client, wanted);
  const replication = `{'class': 'NetworkTopologyStrategy', ${quoteText(localDataCenter)}: ${replicationFactor}}`;
  for (const [index, { keyspace }] of wanted.entries()) {
    const create = async (table: string, columns: string) => {
      if (!tables.has(`${keyspace}.${table}`))
        await change(client, `CREATE TABLE IF NOT EXISTS ${keyspace}.${table} (${columns})`);
    };
    if (!tables.has(`${keyspace}.schema_migrations`)) {
      onStep(`keyspace ${keyspace}`);
      await change(client, `CREATE KEYSPACE IF NOT EXISTS ${keyspace} WITH replication = ${replication}`);
    }
    // Only conditional writes touch the lock, none the record: the two must not be one table.
    if (index === 0) await create('schema_lock', 'name text PRIMARY KEY, owner text');
    await create(
      'schema_migrations',
      'name text PRIMARY KEY, checksum text, state text, statements_done int, applied_at timestamp',
    );
  }
}

async function migrateRoom(client: Client, room: Room, lock: Lock, onStep: (step: string) => void): Promise<string[]> {
  const recorded = await readRecorded(client, room.keyspace);
  const applied: string[] = [];
  for (const file of room.files) {
    const before = recorded.get(file.name);
    const statements = toDo(room, file, before);
    if (before?.state === 'applied') continue;
    await client.execute(`USE ${room.keyspace}`);
    let done = file.statements.length - statements.length;
    // Written down before the first statement: only then is "already exists" known to be our own work.
    if (before === undefined) await record(client, room, file, 'running', 0);
    for (const [index, statement] of statements.entries()) {
      onStep(
        `${room.keyspace}/${file.name} ${done + 1}/${file.statements.length}: ${statement.split('(', 1)[0]?.trim()}`,
      );
      await lock.renew();
      try {
        await change(client, statement);
      } catch (error) {
        const cutOffHere = index === 0 && before !== undefined;
        if (!cutOffHere || !isAlreadyDone(statement, error)) throw error;
      }
      done += 1;
      await record(client, room, file, done === file.statements.length ? 'applied' : 'running', done);
    }
    if (file.statements.length === 0) await record(client, room, file, 'applied', 0);
    applied.push(`${room.keyspace}/${file.name}`);
  }
  return applied;
}

async function record(
  client: Client,
  room: Room,
  file: MigrationFile,
  state: Recorded['state'],
  done: number,
): Promise<void> {
  await client.execute(
    `INSERT INTO ${room.keyspace}.schema_migrations (name, checksum, state, statements_done, applied_at) VALUES (?, ?, ?, ?, ?)`,
    [file.name, checksumOf(file.statements.slice(0, done)), state, done, new Date()],
    { prepare: true },
  );
}

function isAlreadyDone(statement: string, error: unknown): boolean {
  if (!(error instanceof errors.ResponseError)) return false;
  if (error.code === types.responseErrorCodes.alreadyExists) return true;
  if (error.code !== types.responseErrorCodes.invalid) return false;
  return /\bDROP\b/i.test(statement)
    ? /doesn't exist|was not found/.test(error.message)
    : /already exists/.test(error.message);
}

interface Lock {
  /** Throws MigrationError when another runner has taken over. */
  renew(): Promise<void>;
  release(): Promise<void>;
}

/** One lock for a whole run: schema changes of two runners at once are unsafe, whichever keyspaces they are in. */
async function takeLock(
  client: Client,
  keyspace: string,
  options: MigrateOptions,
  onStep: (step: string) => void,
): Promise<Lock> {
  const { lockTtlSeconds: ttl = 30, lockWaitMs = 120_000 } = options;
  const owner = randomUUID();
  const table = `${keyspace}.schema_lock`;
  const deadline = Date.now() + lockWaitMs;
  let renewedAt = Date.now();
  let told = false;
  for (;;) {
    renewedAt = Date.now();
    const row = await conditional(
      client,
      `INSERT INTO ${table} (name, owner) VALUES ('migrate', ?) IF NOT EXISTS USING TTL ${ttl}`,
      [owner],
    );
    if (row.applied || row.owner === owner) break;
    if (Date.now() > deadline)
      throw new MigrationError('Another migration still runs. Wait until it has ended and start again.');
    if (!told) onStep('waiting for another runner');
    told = true;
    await sleep(150 + Math.random() * 100);
  }
  return {
    renew: async () => {
      if (Date.now() - renewedAt < (ttl * 1000) / 3) return;
      const at = Date.now();
      const row = await conditional(
        client,
        `UPDATE ${table} USING TTL ${ttl} SET owner = ? WHERE name = 'migrate' IF owner = ?`,
        [owner, owner],
      );
      if (!row.applied) throw new MigrationError('Another runner has taken over this migration.');
      renewedAt = at;
    },
    release: async () => {
      // Whatever hinders it: the lock ends by itself.
      await conditional(client, `DELETE FROM ${table} WHERE name = 'migrate' IF owner = ?`, [owner]).catch(() => {});
    },
  };
}

async function conditional(
  client: Client,
  query: string,
  params: string[],
): Promise<{ applied: boolean; owner?: string }> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const row = (await client.execute(query, params, { prepare: true })).first();
      return { applied: row?.get('[applied]') === true, owner: row?.get('owner') };
    } catch (error) {
      // Whether a write without an answer was applied is unknown; each of ours may be repeated.
      const unknown = error instanceof errors.ResponseError && error.code === types.responseErrorCodes.writeTimeout;
      if (!unknown || attempt === 5) throw error;
      await sleep(100 * attempt);
    }
  }
}

interface RoleStep {
  role: string;
  words: string;
  cql: string;
}

/** What is missing for each role to be able to sign in with its password, and to do what it may. */
async function roleSteps(client: Client, prefix: string, passwords: Record<RoleName, string>): Promise<RoleStep[]> {
  const names = ROLE_NAMES.map((role) => `${prefix}${role}`);
  const [accounts, permissions] = await Promise.all([
    client.execute('SELECT role, can_login, salted_hash FROM system_auth.roles WHERE role IN ?', [names], {
      prepare: true,
    }),
    client.execute('SELECT role, resource, permissions FROM system_auth.role_permissions WHERE role IN ?', [names], {
      prepare: true,
    }),
  ]);
  const granted = new Set(
    permissions.rows.flatMap((row) =>
      (row.get('permissions') ?? []).map(
        (permission: string) => `${row.get('role')} ${permission} ${row.get('resource')}`,
      ),
    ),
  );
  const perRole = await Promise.all(
    ROLE_NAMES.map(async (role) => {
      const name = `${prefix}${role}`;
      const account = accounts.rows.find((row) => row.get('role') === name);
      const steps: RoleStep[] = [];
      const login = `ROLE ${name} WITH PASSWORD = ${quoteText(passwords[role])} AND LOGIN = true`;
      if (account === undefined) steps.push({ role: name, words: `role ${name}`, cql: `CREATE ${login}` });
      // Compared here and not by a sign-in: a refused one would leave the old password in the server's cache.
      else if (!account.get('can_login') || !(await compare(passwords[role], account.get('salted_hash') ?? ''))) {
        steps.push({ role: name, words: `role ${name}: password`, cql: `ALTER ${login}` });
      }
      const allowed = role === 'audit' ? Object.values(KEYSPACES) : [role];
      for (const keyspace of allowed.map((each) => `${prefix}${each}`)) {
        for (const permission of role === 'audit' ? ['SELECT'] : ['SELECT', 'MODIFY']) {
          if (granted.has(`${name} ${permission} data/${keyspace}`)) continue;
          steps.push({
            role: name,
            words: `role ${name}: ${permission} on ${keyspace}`,
            cql: `GRANT ${permission} ON KEYSPACE ${keyspace} TO ${name}`,
          });
        }
      }
      return steps;
    }),
  );
  return perRole.flat();
}

async function changeRole(client: Client, { role, cql }: RoleStep): Promise<void> {
  for (;;) {
    try {
      await change(client, cql);
      return await forgetCached(client, role);
    } catch (error) {
      // 5.0.9 lets a password rest for a few seconds before it may be changed again, and says for how long.
      const rest = /can only be changed every (\d+)ms/.exec(error instanceof errors.ResponseError ? error.message : '');
      if (rest === null) throw error;
      await sleep(Number(rest[1]) / 5);
    }
  }
}

/** Executes a change of schema or roles; resolves when all nodes agree on the schema. */
async function change(client: Client, cql: string): Promise<void> {
  const { info } = await client.execute(cql);
  // The driver waits for the agreement and then says so here, though its types don't.
  if ('isSchemaInAgreement' in info && info.isSchemaInAgreement === false) {
    throw new MigrationError(
      `The nodes do not agree on the schema after ${agreementWaitSeconds} s: see \`nodetool describecluster\`.`,
    );
  }
}

const quoteName = (name: string) => `"${name.replaceAll('"', '""')}"`;
const quoteText = (text: string) => `'${text.replaceAll("'", "''")}'`;

const help = `Usage: node cassandra/migrate.ts

Brings keyspaces, tables and roles to what cassandra/schema says; may be repeated. On a fresh server it first makes its own superuser
and disables cassandra/cassandra. Everything comes from the environment:

  CASSANDRA_CONTACT_POINTS     host:port, separated by commas        (127.0.0.1:9042)
  CASSANDRA_LOCAL_DATACENTER   data centre of the keyspaces          (datacenter1)
  CASSANDRA_TLS_CA_FILE        PEM file with the authority of the nodes' certificates; encrypts  (none)
  CASSANDRA_ADMIN_USERNAME     superuser                             (store_admin)
  CASSANDRA_ADMIN_PASSWORD     its password                          required
  PRODUCT_DB_PASSWORD, CART_DB_PASSWORD, ORDERS_DB_PASSWORD, USERS_DB_PASSWORD, AUDIT_DB_PASSWORD
                               a password for each role              required
  REPLICATION_FACTOR           copies of each row                    (1)
  KEYSPACE_PREFIX              before each keyspace and role         (none)
`;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' } } });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const required = (name: string): string => {
    const value = process.env[name];
    if (!value) throw new MigrationError(`${name} is not set; see --help.`);
    return value;
  };
  const replicationFactor = Number(process.env.REPLICATION_FACTOR || 1);
  if (!Number.isInteger(replicationFactor) || replicationFactor < 1)
    throw new MigrationError('REPLICATION_FACTOR is not a whole number from 1.');
  const contactPoints = (process.env.CASSANDRA_CONTACT_POINTS || '127.0.0.1:9042')
    .split(',')
    .map((point) => point.trim());
  const localDataCenter = process.env.CASSANDRA_LOCAL_DATACENTER || 'datacenter1';
  const caFile = process.env.CASSANDRA_TLS_CA_FILE;
  const tlsCa = caFile ? await readFile(caFile, 'utf8') : undefined;
  const admin = {
    username: process.env.CASSANDRA_ADMIN_USERNAME || 'store_admin',
    password: required('CASSANDRA_ADMIN_PASSWORD'),
  };
  const passwords = {
    product: required('PRODUCT_DB_PASSWORD'),
    cart: required('CART_DB_PASSWORD'),
    orders: required('ORDERS_DB_PASSWORD'),
    users: required('USERS_DB_PASSWORD'),
    audit: required('AUDIT_DB_PASSWORD'),
  };
  const onStep = (step: string) => process.stdout.write(`${step}\n`);
  await bootstrapAdmin({ contactPoints, localDataCenter, tlsCa, admin });
  const keyspacePrefix = process.env.KEYSPACE_PREFIX || '';
  const { applied } = await migrate({
    contactPoints,
    localDataCenter,
    tlsCa,
    admin,
    passwords,
    replicationFactor,
    keyspacePrefix,
    onStep,
  });
  onStep(applied.length === 0 ? 'The schema is up to date.' : `Applied ${applied.join(', ')}.`);
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    const wrong = error instanceof MigrationError ? error.message : error;
    console.error(wrong);
    process.exitCode = 1;
  });
}
