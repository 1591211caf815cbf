import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { freeze } from '../freeze.ts';
import type { Shop } from '../shop-client.ts';
import { StartError } from '../start-error.ts';
import { type End, freezeGroup, freezeInTurns, keepKilling, readCarts } from './faults.ts';

/** The store to which it is done. */
export interface Scene {
  readonly dataDir: string;
  readonly shop: Shop;
  /** Process of its Cassandra; undefined where it has none of its own. */
  findCassandra(): Promise<number | undefined>;
}

/** Something that goes wrong, and the alerts that must tell of it. */
export interface Scenario {
  readonly alerts: readonly string[];
  readonly cause: string;
  /** Carts that are read each second until the alerts have ended. */
  readonly reads?: number;
  /** ms after which somebody must have been told of the first alert. */
  readonly toldWithin?: number;
  begin(scene: Scene): Promise<End>;
}

/** Cart reads a second: as many statements, and fewer requests than Nginx lets one address send. */
const CROWD = 150;

export const SCENARIOS: readonly Scenario[] = [
  {
    alerts: ['DatabaseHighRps'],
    cause: `${CROWD} carts are read each second`,
    begin: ({ shop }) => readCarts(shop, CROWD),
  },
  {
    alerts: ['HighP99Latency'],
    cause: 'Cassandra stands still for 0.8 s of every 2 s',
    reads: 20,
    begin: async (scene) => freezeInTurns(await getCassandra(scene), 800, 1200),
  },
  {
    alerts: ['ServiceDown', 'CircuitOpen'],
    cause: 'the product service is killed whenever it comes up',
    reads: 20,
    toldWithin: 60_000,
    begin: async ({ dataDir }) => keepKilling(dataDir, 'product'),
  },
  {
    alerts: ['NginxDown'],
    cause: 'Nginx stands still',
    toldWithin: 60_000,
    begin: async ({ dataDir }) => freezeGroup(Number(await readFile(path.join(dataDir, 'run/nginx/pid'), 'utf8'))),
  },
  {
    alerts: ['WorkerStuck'],
    cause: 'Cassandra stands still',
    begin: async (scene) => freeze(await getCassandra(scene)),
  },
];

async function getCassandra({ findCassandra }: Scene): Promise<number> {
  const pid = await findCassandra();
  if (pid === undefined) throw new StartError('The store has no Cassandra of its own that could be slowed down.');
  return pid;
}
