import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ROLE_NAMES, type RoleName } from '../../../cassandra/keyspaces.ts';

/** Generated on the first start and kept in DATA_DIR, readable only by its owner. */
export interface Secrets {
  /** Cassandra's superuser. */
  readonly cassandraPassword: string;
  readonly rolePasswords: Record<RoleName, string>;
  readonly cursorSecrets: Readonly<Record<'product' | 'order' | 'user', string>>;
  /** The first admin's, if ADMIN_PASSWORD isn't set. */
  readonly adminPassword: string;
  /** Grafana's admin's, in Docker. */
  readonly grafanaPassword: string;
}

const secret = () => randomBytes(32).toString('base64url');

export function newRolePasswords(): Record<RoleName, string> {
  return Object.fromEntries(ROLE_NAMES.map((role) => [role, secret()])) as Record<RoleName, string>;
}

/** The secrets of a store that have been generated. */
export function readSecrets(dataDir: string): Promise<Partial<Secrets>> {
  return readPrivately<Secrets>(fileOf(dataDir));
}

/** Reads the secrets of a store, generating those that are missing. */
export async function ensureSecrets(dataDir: string): Promise<Secrets> {
  const kept = await readSecrets(dataDir);
  const secrets: Secrets = {
    cassandraPassword: kept.cassandraPassword ?? secret(),
    rolePasswords: { ...newRolePasswords(), ...kept.rolePasswords },
    cursorSecrets: { product: secret(), order: secret(), user: secret(), ...kept.cursorSecrets },
    adminPassword: kept.adminPassword ?? randomBytes(12).toString('base64url'),
    grafanaPassword: kept.grafanaPassword ?? randomBytes(12).toString('base64url'),
  };
  await writePrivately(fileOf(dataDir), secrets);
  return secrets;
}

function fileOf(dataDir: string): string {
  return path.join(dataDir, 'secrets.json');
}

/** What `writePrivately` has written; empty if the file doesn't exist. */
export async function readPrivately<Content>(file: string): Promise<Partial<Content>> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return '{}';
  });
  return JSON.parse(text) as Partial<Content>;
}

/** Writes all of the file or nothing; only its owner can read it. */
export async function writePrivately(file: string, content: unknown): Promise<void> {
  const partial = `${file}.${process.pid}`;
  await writeFile(partial, `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o600 });
  await rename(partial, file);
}
