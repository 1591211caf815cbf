import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { type Client, errors } from 'cassandra-driver';
import { connectDatabase } from '#platform/cassandra/database.ts';
import { silentLogger } from '#platform/logging.ts';
import { createMetrics } from '#platform/metrics.ts';
import { ensureJars } from '../src/cassandra/jars.ts';
import { findJava } from '../src/cassandra/java.ts';
import { type CassandraServer, startCassandra, stopStaleCassandra } from '../src/cassandra/server.ts';
import { StartError } from '../src/start-error.ts';
import { connectAs, newServerOptions } from '../test-support/cassandra.ts';

const run = promisify(execFile);
let options: Awaited<ReturnType<typeof newServerOptions>>;
let server: CassandraServer;

before(async () => {
  await ensureJars();
  options = await newServerOptions();
});

after(async () => {
  server?.kill('SIGKILL');
  await server?.exited;
  if (options !== undefined) await rm(options.dataDir, { recursive: true, force: true });
});

const startError = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof StartError, String(error));
  assert.match(error.message, pattern);
  return true;
};

/** Writes until the server is gone; gives the ids of the acknowledged writes. */
async function writeUntilItEnds(client: Client, enough: number, onEnough: () => void): Promise<number[]> {
  const acknowledged: number[] = [];
  let next = 0;
  const write = async () => {
    for (;;) {
      const id = next;
      next += 1;
      try {
        const result = await client.execute('INSERT INTO kept.lwt (id) VALUES (?) IF NOT EXISTS', [id]);
        if (result.wasApplied()) acknowledged.push(id);
      } catch {
        return;
      }
      if (acknowledged.length === enough) onEnough();
    }
  };
  await Promise.all(Array.from({ length: 16 }, write));
  return acknowledged;
}

test('a fresh server becomes ready with our superuser, its process leading a group of its own', async () => {
  server = await startCassandra(options);
  await server.ready;
  const { stdout } = await run('ps', ['-o', 'pgid=', '-p', String(server.pid)]);
  assert.equal(Number(stdout), server.pid);
  await assert.rejects(
    connectAs([server.contactPoint], { username: 'cassandra', password: 'cassandra' }),
    errors.NoHostAvailableError,
    'the default account must be locked from the first moment',
  );
  const admin = await connectAs([server.contactPoint], options.admin);
  await admin.execute(
    "CREATE KEYSPACE kept WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 1}",
    [],
    { prepare: false },
  );
  await admin.execute('CREATE TABLE kept.lwt (id int PRIMARY KEY)', [], { prepare: false });
  await admin.shutdown();
});

test('a second server on the same data folder is refused with the pid of the first', async () => {
  await assert.rejects(startCassandra(options), startError(new RegExp(`pid ${server.pid}`)));
});

test('a taken port is named before anything starts', async () => {
  const taken = createServer().listen({ host: '127.0.0.1', port: 0 });
  await once(taken, 'listening');
  const other = await newServerOptions();
  const address = taken.address();
  try {
    assert.ok(address !== null && typeof address === 'object');
    await assert.rejects(
      startCassandra({ ...other, jmxPort: address.port }),
      startError(new RegExp(`Port ${address.port} .*JMX.*taken`)),
    );
  } finally {
    taken.close();
    await rm(other.dataDir, { recursive: true, force: true });
  }
});

test('every conditional write acknowledged before kill -9 is there after it', async () => {
  const client = await connectAs([server.contactPoint], options.admin);
  const acknowledged = await writeUntilItEnds(client, 1000, () => server.kill('SIGKILL'));
  await client.shutdown();
  assert.ok(acknowledged.length >= 1000);
  assert.deepEqual(await server.exited, { code: null, signal: 'SIGKILL' });

  server = await startCassandra(options);
  await server.ready;
  const reader = await connectAs([server.contactPoint], options.admin);
  const { rows } = await reader.execute('SELECT id FROM kept.lwt', [], { fetchSize: 50_000 });
  await reader.shutdown();
  const there = new Set(rows.map((row) => row.get('id')));
  assert.deepEqual(
    acknowledged.filter((id) => !there.has(id)),
    [],
  );
});

test('the server that a killed run left behind can be stopped by its folder', async () => {
  assert.equal(await stopStaleCassandra(options.dataDir), server.pid);
  await server.exited;
  assert.equal(existsSync(join(options.dataDir, 'cassandra.pid')), false);
  assert.equal(await stopStaleCassandra(options.dataDir), undefined);
});

test('with TLS it accepts no unencrypted connection, and clients trust only its authority and its name', async () => {
  const folder = join(options.dataDir, 'certificates');
  const script = join(import.meta.dirname, '../../../cassandra/server/make-certificates.sh');
  await run(script, [folder, options.host, 'elsewhere.example']);
  await run(script, [join(folder, 'stranger')]);
  const ca = await readFile(join(folder, 'authority.pem'), 'utf8');
  const strangersCa = await readFile(join(folder, 'stranger/authority.pem'), 'utf8');
  const certificateFile = join(folder, `${options.host}.pem`);
  server = await startCassandra({ ...options, clientTls: { certificateFile, ca } });
  await server.ready;
  const connect = async (contactPoint: string, tlsCa?: string) => {
    const { username, password } = options.admin;
    const account = { localDataCenter: 'datacenter1', keyspace: 'system', username, password };
    const database = await connectDatabase(
      { contactPoints: [contactPoint], tlsCa, ...account },
      createMetrics(),
      silentLogger,
    );
    const [row] = await database.read('test', 'SELECT rpc_address FROM local', []);
    await database.close();
    return String(row?.rpc_address);
  };
  assert.equal(await connect(server.contactPoint, ca), options.host);
  await assert.rejects(connect(server.contactPoint), errors.NoHostAvailableError);
  await assert.rejects(connect(server.contactPoint, strangersCa), errors.NoHostAvailableError);
  await server.stop();

  const certificateOfOther = join(folder, 'elsewhere.example.pem');
  server = await startCassandra({ ...options, clientTls: { certificateFile: certificateOfOther, ca } });
  await assert.rejects(server.ready, startError(/did not become ready/));
  await server.exited;
});

test('a pid file that names an unrelated process is ignored, and that process left alone', async () => {
  await writeFile(join(options.dataDir, 'cassandra.pid'), `${process.pid}\n`);
  assert.equal(await stopStaleCassandra(options.dataDir), undefined);
});

test('a password that does not match the data is reported, and the server does not keep running', async () => {
  server = await startCassandra({ ...options, admin: { ...options.admin, password: 'another' } });
  await assert.rejects(server.ready, startError(/made with another password/));
  await server.exited;
});

test('stop ends it in time, even before it is ready', async () => {
  server = await startCassandra(options);
  const startedAt = performance.now();
  await server.stop();
  assert.ok(performance.now() - startedAt < 21_000);
  await assert.rejects(server.ready, StartError);
});

test('without Java 17 the error says which versions were found and what to install', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'product-store-java-'));
  const { PATH, JAVA_HOME } = process.env;
  try {
    await mkdir(join(folder, 'bin'));
    await writeFile(join(folder, 'bin', 'java'), '#!/bin/sh\necho \'openjdk version "11.0.2"\' >&2\n', { mode: 0o755 });
    process.env.JAVA_HOME = folder;
    process.env.PATH = '/nonexistent';
    await assert.rejects(findJava([]), startError(/is 11\.0\.2.*apt install openjdk-17/));
  } finally {
    process.env.PATH = PATH;
    if (JAVA_HOME === undefined) delete process.env.JAVA_HOME;
    else process.env.JAVA_HOME = JAVA_HOME;
    await rm(folder, { recursive: true, force: true });
  }
});
