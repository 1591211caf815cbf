import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import type { Client } from 'cassandra-driver';
import supertest from 'supertest';
import { createService, type Service } from '#platform/service.ts';
import { connectAs, useKeyspaces } from '../../local/test-support/cassandra.ts';
import { testServiceConfig, userSigningKeysFile } from '../../local/test-support/service-config.ts';
import { assembleUser } from '../src/app.ts';
import type { UserConfig } from '../src/config.ts';

export interface LogLine {
  readonly level: string;
  readonly event: string;
  /** All that was given to the logger, before any redaction. */
  readonly text: string;
}

export interface UserService {
  readonly service: Service;
  readonly api: ReturnType<typeof supertest>;
  /** The service's keyspace, without the service. */
  readonly database: Client;
  readonly logs: LogLine[];
  /** The same keyspace and keys with other settings; stops with the first one. */
  another(overrides: Partial<UserConfig>): Promise<ReturnType<typeof supertest>>;
  /** Value of a metric's line, `logins_total{outcome="refused"}`; 0 if there is none. */
  metric(line: string): Promise<number>;
  stop(): Promise<void>;
}

/** The user service on a keyspace of its own in a real Cassandra, at the lowest bcrypt cost that it accepts. */
export async function startUserService(): Promise<UserService> {
  const keyspaces = await useKeyspaces();
  const logs: LogLine[] = [];
  const services: Service[] = [];
  const servers: Server[] = [];

  async function start(overrides: Partial<UserConfig>) {
    const config = testServiceConfig('user', keyspaces, {
      USER_SIGNING_KEYS_FILE: userSigningKeysFile,
      CURSOR_SECRET: 'a secret of the tests that is long enough',
      BCRYPT_COST: 10,
      ...overrides,
    });
    const service = await createService('user', config, assembleUser, capture(logs));
    services.push(service);
    const server = createServer(service.app).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return { service, api: supertest(`http://127.0.0.1:${(server.address() as AddressInfo).port}`) };
  }

  const { service, api } = await start({});
  service.start();
  const keyspace = `${keyspaces.keyspacePrefix}users`;
  const database = await connectAs(keyspaces.contactPoints, keyspaces.admin, keyspace);
  return {
    service,
    api,
    database,
    logs,
    another: async (overrides) => (await start(overrides)).api,
    async metric(line) {
      const { text } = await api.get('/metrics');
      const found = text.split('\n').find((candidate) => candidate.startsWith(`${line} `));
      return Number(found?.slice(line.length) ?? 0);
    },
    async stop() {
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
      for (const running of services) await running.stop();
      await database.shutdown();
      await keyspaces.stop();
    },
  };
}

function capture(lines: LogLine[]) {
  const write = (level: string) => (event: string, message: string, fields?: Record<string, unknown>) =>
    void lines.push({ level, event, text: `${message} ${inspect(fields, { depth: 20, maxStringLength: null })}` });
  return { error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug') };
}

let people = 0;

/** A person whom no other test uses. */
export function newPerson() {
  people += 1;
  return { email: `person-${people}@example.com`, password: `correct horse ${people}`, name: `Person ${people}` };
}
