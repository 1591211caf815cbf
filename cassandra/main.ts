import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { bootstrapAdmin } from './bootstrap.ts';
import { ROLE_NAMES, type RoleName } from './keyspaces.ts';
import { migrate } from './migrate.ts';
import { MigrationError } from './migration-error.ts';

const USAGE = `Usage: node cassandra/main.ts

Brings keyspaces, tables and roles to what cassandra/schema says; can be repeated. On a fresh server it first creates its own superuser
and disables cassandra/cassandra. Everything comes from the environment:

  CASSANDRA_CONTACT_POINTS     host:port, separated by commas        (127.0.0.1:9042)
  CASSANDRA_LOCAL_DATACENTER   data centre of the keyspaces          (datacenter1)
  CASSANDRA_TLS_CA_FILE        PEM file with the authority of the nodes' certificates; encrypts  (none)
  CASSANDRA_ADMIN_USERNAME     superuser                             (store_admin)
  CASSANDRA_ADMIN_PASSWORD     its password                          required
  PRODUCT_DB_PASSWORD, CART_DB_PASSWORD, ORDERS_DB_PASSWORD, USERS_DB_PASSWORD, AUDIT_DB_PASSWORD
                               a password for each role              required
  REPLICATION_FACTOR           copies of each row                    (1)
`;

try {
  await main();
} catch (error) {
  console.error(error instanceof MigrationError ? error.message : error);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' } } });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const { env } = process;
  const replicationFactor = Number(env.REPLICATION_FACTOR || 1);
  if (!Number.isInteger(replicationFactor) || replicationFactor < 1)
    throw new MigrationError('REPLICATION_FACTOR is not a whole number from 1.');
  const cluster = {
    contactPoints: (env.CASSANDRA_CONTACT_POINTS || '127.0.0.1:9042').split(',').map((point) => point.trim()),
    localDataCenter: env.CASSANDRA_LOCAL_DATACENTER || 'datacenter1',
    tlsCa: env.CASSANDRA_TLS_CA_FILE ? await readFile(env.CASSANDRA_TLS_CA_FILE, 'utf8') : undefined,
  };
  const admin = {
    username: env.CASSANDRA_ADMIN_USERNAME || 'store_admin',
    password: required('CASSANDRA_ADMIN_PASSWORD'),
  };
  const passwords = Object.fromEntries(
    ROLE_NAMES.map((role) => [role, required(`${role.toUpperCase()}_DB_PASSWORD`)]),
  ) as Record<RoleName, string>;
  const onStep = (step: string) => process.stdout.write(`${step}\n`);
  await bootstrapAdmin({ ...cluster, admin });
  const { applied } = await migrate({ ...cluster, admin, passwords, replicationFactor, onStep });
  onStep(applied.length === 0 ? 'The schema is up to date.' : `Applied ${applied.join(', ')}.`);
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new MigrationError(`${name} is not set; see --help.`);
  return value;
}
