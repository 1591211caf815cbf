import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { REPOSITORY } from '../settings.ts';

/** A node's place among others that hold the same data; start all of them at once, each with the same seeds and replication factor. */
export interface Ring {
  /** `host:storagePort` of the nodes through which the others are found. */
  readonly seeds: readonly string[];
  /** The node's own position on the ring; `ringTokens` spreads them evenly. */
  readonly token: bigint;
  /** Copies of accounts and grants. A node is ready when most of them are reachable. */
  readonly replicationFactor: number;
}

const TEMPLATE = path.join(REPOSITORY, 'cassandra/server/cassandra.yaml.template');
const LONE_NODE = {
  INITIAL_TOKEN: 0,
  REPLICATION_FACTOR: 1,
  HAS_OTHERS: 'false',
  CLIENT_ENCRYPTION: '{ enabled: false }',
};

/** Text of cassandra.yaml; by default that of a lone node without TLS. */
export async function renderYaml(values: Readonly<Record<string, string | number>>): Promise<string> {
  const all: typeof values = { ...LONE_NODE, SEEDS: `${values.HOST}:${values.STORAGE_PORT}`, ...values };
  return (await readFile(TEMPLATE, 'utf8')).replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = all[name];
    if (value === undefined) throw new Error(`cassandra.yaml.template needs ${name}, which has no value`);
    return String(value);
  });
}

export function ringSettings({ seeds, token, replicationFactor }: Ring) {
  return {
    SEEDS: seeds.join(','),
    INITIAL_TOKEN: String(token),
    REPLICATION_FACTOR: replicationFactor,
    HAS_OTHERS: 'true',
  };
}

/** A token for each of `nodes` nodes, which gives all the same share of the data. */
export function ringTokens(nodes: number): bigint[] {
  return Array.from({ length: nodes }, (_, node) => (BigInt(node) * 2n ** 64n) / BigInt(nodes) - 2n ** 63n);
}

/** JSON, which is YAML too. */
export function toEncryptionOptions(certificateFile: string): string {
  const factory = { class_name: 'org.apache.cassandra.security.PEMBasedSslContextFactory' };
  return JSON.stringify({ enabled: true, optional: false, ssl_context_factory: factory, keystore: certificateFile });
}
