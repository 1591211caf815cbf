import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { freeze } from '../freeze.ts';
import type { Shop } from '../shop-client.ts';
import { StartError } from '../start-error.ts';
import { type End, freezeGroup, freezeInTurns, keepKilling, readCarts } from './faults.ts';

/** The store in which a scenario happens. */
export interface Scene {
  readonly dataDir: string;
  readonly shop: Shop;
  /** The process of its own Cassandra, if it has one. */
  findCassandra(): Promise<number | undefined>;
}

/** Something that goes wrong, and the alerts that must report it. */
export interface Scenario {
  readonly alerts: readonly string[];
  readonly cause: string;
  /** Carts read each second until the alerts have ended. */
  readonly reads?: number;
  /** By then there must be a notification of the first alert. */
  readonly notifiedWithinMs?: number;
  begin(scene: Scene): Promise<End>;
}

/** Cart reads per second: each is a statement, and they are fewer requests than Nginx allows one address. */
const CROWD = 150;

export const SCENARIOS: readonly Scenario[] = [
  {
    alerts: ['DatabaseHighRps'],
    cause: `${CROWD} carts are read each second`,
    begin: ({ shop }) => readCarts(shop, CROWD),
  },
  {
    alerts: ['HighP99Latency'],
    cause: 'Cassandra is frozen for 0.8 s of every 2 s',
    reads: 20,
    begin: async (scene) => freezeInTurns(await getCassandra(scene), 800, 1200),
  },
  {
    alerts: ['ServiceDown', 'CircuitOpen'],
    cause: 'the product service is killed whenever it comes up',
    reads: 20,
    notifiedWithinMs: 60_000,
    begin: async ({ dataDir }) => keepKilling(dataDir, 'product'),
  },
  {
    alerts: ['NginxDown'],
    cause: 'Nginx is frozen',
    notifiedWithinMs: 60_000,
    begin: async ({ dataDir }) => freezeGroup(Number(await readFile(path.join(dataDir, 'run/nginx/pid'), 'utf8'))),
  },
  {
    alerts: ['WorkerStuck'],
    cause: 'Cassandra is frozen',
    begin: async (scene) => freeze(await getCassandra(scene)),
  },
];

async function getCassandra({ findCassandra }: Scene): Promise<number> {
  const pid = await findCassandra();
  if (pid === undefined) throw new StartError('The store has no Cassandra of its own to slow down.');
  return pid;
}
