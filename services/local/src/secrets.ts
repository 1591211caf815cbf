import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ROLE_NAMES, type RoleName } from '../../../cassandra/keyspaces.ts';

/** Made on the first start and kept in DATA_DIR for its owner alone. */
export interface Secrets {
  /** Cassandra's superuser. */
  readonly cassandraPassword: string;
  readonly rolePasswords: Record<RoleName, string>;
  readonly cursorSecrets: Readonly<Record<'product' | 'order' | 'user', string>>;
  /** Of the first admin, where ADMIN_PASSWORD gives none. */
  readonly adminPassword: string;
  /** Of Grafana's admin, in Docker. */
  readonly grafanaPassword: string;
}

const secret = () => randomBytes(32).toString('base64url');

export function newRolePasswords(): Record<RoleName, string> {
  return Object.fromEntries(ROLE_NAMES.map((role) => [role, secret()])) as Record<RoleName, string>;
}

/** Reads the secrets of a store, making those that aren't there yet. */
export async function ensureSecrets(dataDir: string): Promise<Secrets> {
  const file = path.join(dataDir, 'secrets.json');
  const kept = JSON.parse(await readFile(file, 'utf8').catch(emptyIfMissing)) as Partial<Secrets>;
  const secrets: Secrets = {
    cassandraPassword: kept.cassandraPassword ?? secret(),
    rolePasswords: { ...newRolePasswords(), ...kept.rolePasswords },
    cursorSecrets: { product: secret(), order: secret(), user: secret(), ...kept.cursorSecrets },
    adminPassword: kept.adminPassword ?? randomBytes(12).toString('base64url'),
    grafanaPassword: kept.grafanaPassword ?? randomBytes(12).toString('base64url'),
  };
  await writePrivately(file, secrets);
  return secrets;
}

export function emptyIfMissing(error: NodeJS.ErrnoException): string {
  if (error.code !== 'ENOENT') throw error;
  return '{}';
}

/** The file is there whole or not at all, and only its owner reads it. */
export async function writePrivately(file: string, content: unknown): Promise<void> {
  const partial = `${file}.${process.pid}`;
  await writeFile(partial, `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o600 });
  await rename(partial, file);
}
