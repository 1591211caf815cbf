import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { Admin } from '../../../../cassandra/admin-client.ts';
import { bootstrapAdmin } from '../../../../cassandra/bootstrap.ts';
import { checkDisk } from '../data-dir.ts';
import { checkPorts } from '../ports.ts';
import { describeExit, type Exit, signalProcess } from '../processes.ts';
import { type Running, spawnLeader } from '../running.ts';
import { REPOSITORY } from '../settings.ts';
import { StartError } from '../start-error.ts';
import { NO_ARCHIVE, openClassArchive } from './class-archive.ts';
import { JARS } from './jars.ts';
import { findJava } from './java.ts';
import { type Ring, renderYaml, ringSettings, toEncryptionOptions } from './yaml.ts';

export interface CassandraOptions {
  /** Everything the server writes goes here: data, commit log, logs, its pid. */
  readonly dataDir: string;
  /** The superuser; on a fresh server it replaces cassandra/cassandra. */
  readonly admin: Admin;
  /** A loopback address. */
  readonly host?: string;
  readonly port?: number;
  readonly storagePort?: number;
  readonly jmxPort?: number;
  /** Where the JMX agent serves `monitoring/cassandra-jmx.yml` to Prometheus, on `host`; without it there is no agent. */
  readonly metricsPort?: number;
  readonly heapMb?: number;
  /** Makes this server one node of several; without it the server is alone. */
  readonly ring?: Ring;
  /** Makes clients encrypt their connections; without it they are in clear text. */
  readonly clientTls?: ClientTls;
  /** More arguments for java, such as an agent. */
  readonly jvmArgs?: readonly string[];
}

export interface ClientTls {
  /** PEM file with the key and the certificate of this node, as `cassandra/server/make-certificates.sh` makes one. */
  readonly certificateFile: string;
  /** PEM certificates of the authority that signed it. */
  readonly ca: string;
}

/** Ready when the CQL port answers and `admin` can sign in; when that fails, the process has ended. */
export interface CassandraServer extends Running {
  /** `host:port`, as the driver takes it. */
  readonly contactPoint: string;
}

const SETTINGS = path.join(REPOSITORY, 'cassandra/server');
const AGENT = path.join(JARS, 'jmx_prometheus_javaagent-1.0.1.jar');
const AGENT_RULES = path.join(REPOSITORY, 'monitoring/cassandra-jmx.yml');
const MAIN_CLASS = 'org.apache.cassandra.service.CassandraDaemon';
const LEAST_FREE_BYTES = 512 << 20;
const READY_TIMEOUT_MS = 180_000;
const STOP_TIMEOUT_MS = 20_000;

/**
 * Added to `server/jvm.options` where there are other nodes: those options are for a lone node, which has nobody to wait for. With a delay
 * of 1 ms, two nodes that start on a busy machine may each take the other for gone, and stay apart.
 */
export const RING_JVM_OPTIONS: readonly string[] = [
  '-Dcassandra.ring_delay_ms=5000',
  '-Dcassandra.load_ring_state=true',
  '-Dcassandra.superuser_setup_delay_ms=1000',
];

/**
 * Starts the real server on a data folder that it alone may use. Resolves once the process runs; wait for `ready` before using it.
 * Throws StartError when the data folder is in use, a port is taken, the disk is full or Java is missing.
 */
export async function startCassandra(options: CassandraOptions): Promise<CassandraServer> {
  const {
    host = '127.0.0.1',
    port = 9042,
    storagePort = 7000,
    jmxPort = 7199,
    metricsPort,
    admin,
    clientTls,
  } = options;
  if (!/^127(\.\d{1,3}){3}$/.test(host)) throw new StartError(`Cassandra listens on loopback only, not on ${host}.`);
  const dataDir = path.resolve(options.dataDir);
  const logs = path.join(dataDir, 'logs');
  await mkdir(logs, { recursive: true });
  const java = await findJava();
  const holder = await findCassandra(dataDir);
  if (holder !== undefined) throw heldBy(holder, dataDir);
  await rm(pidFile(dataDir), { force: true });
  await checkDisk(dataDir, LEAST_FREE_BYTES);
  await checkPorts([
    wanted(host, port, 'CQL'),
    wanted(host, storagePort, 'storage'),
    wanted('127.0.0.1', jmxPort, 'JMX'),
    ...(metricsPort === undefined ? [] : [wanted(host, metricsPort, 'metrics')]),
  ]);

  const yaml = await writeYaml(dataDir, { ...options, host, port, storagePort });
  // Java can't write the archive while an agent may change classes.
  const archive = metricsPort === undefined ? await openClassArchive(java) : NO_ARCHIVE;
  const consoleLog = path.join(logs, 'cassandra-console.log');
  // Only the output of this start tells why it failed; that of the last one stays beside it.
  await rename(consoleLog, `${consoleLog}.previous`).catch(() => undefined);
  const output = await open(consoleLog, 'w');
  const plan = {
    command: java.path,
    args: [...toJvmOptions({ ...options, host, jmxPort, dataDir, logs, yaml }, archive.args), MAIN_CLASS],
    env: process.env,
    folder: logs,
    stopSignal: 'SIGTERM',
    stopTimeoutMs: STOP_TIMEOUT_MS,
  } as const;
  const leader = await spawnLeader(plan, output.fd, (pid) => takeFolder(dataDir, pid)).finally(() => output.close());
  const exited = leader.exited
    .then(async (exit) => {
      await archive.keep(exit.code).catch(() => undefined);
      return exit;
    })
    .finally(() => rm(pidFile(dataDir), { force: true }));

  async function becomeReady(): Promise<void> {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    while (!leader.hasExited() && Date.now() < deadline && !(await answers(host, port))) await sleep(50);
    const endedTooEarly = exited.then(async (exit) => {
      throw await whyItEnded(exit, consoleLog, dataDir);
    });
    if (leader.hasExited()) return endedTooEarly;
    const timeoutMs = Math.max(deadline - Date.now(), 1);
    try {
      const account = { contactPoints: [`${host}:${port}`], tlsCa: clientTls?.ca, admin, timeoutMs };
      await Promise.race([endedTooEarly, bootstrapAdmin(account)]);
    } catch (cause) {
      leader.kill('SIGKILL');
      await exited;
      if (cause instanceof StartError) throw cause;
      const log = path.join(logs, 'cassandra.log');
      throw new StartError(`Cassandra did not become ready: ${(cause as Error).message} Its log is ${log}.`, { cause });
    }
  }
  const ready = becomeReady();
  // Stopping a server that is still starting must not leave this rejection unhandled.
  ready.catch(() => undefined);

  return {
    pid: leader.pid,
    contactPoint: `${host}:${port}`,
    ready,
    exited,
    kill: leader.kill,
    async stop() {
      await leader.stop();
      await exited;
    },
  };
}

async function writeYaml(
  dataDir: string,
  { host, port, storagePort, ring, clientTls }: CassandraOptions & { host: string; port: number; storagePort: number },
): Promise<string> {
  const file = path.join(dataDir, 'conf/cassandra.yaml');
  const text = await renderYaml({
    CLUSTER_NAME: 'Product Store',
    HOST: host,
    STORAGE_PORT: storagePort,
    NATIVE_TRANSPORT_PORT: port,
    ...(ring && ringSettings(ring)),
    ...(clientTls && { CLIENT_ENCRYPTION: toEncryptionOptions(clientTls.certificateFile) }),
  });
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
}

function toJvmOptions(
  options: CassandraOptions & { host: string; jmxPort: number; logs: string; yaml: string },
  ofArchive: readonly string[],
): string[] {
  const { dataDir, host, jmxPort, metricsPort, heapMb = 1024, ring, jvmArgs = [], logs, yaml } = options;
  return [
    `@${path.join(SETTINGS, 'jvm.options')}`,
    // Reserved up to the limit, but taken from the machine only as it is used.
    `-Xms${Math.min(256, heapMb)}m`,
    `-Xmx${heapMb}m`,
    ...ofArchive,
    ...(ring ? RING_JVM_OPTIONS : []),
    ...(metricsPort === undefined ? [] : [`-javaagent:${AGENT}=${host}:${metricsPort}:${AGENT_RULES}`]),
    ...jvmArgs,
    `-Dcassandra.config=${pathToFileURL(yaml)}`,
    `-Dcassandra-rackdc.properties=${pathToFileURL(path.join(SETTINGS, 'cassandra-rackdc.properties'))}`,
    storageFlag(dataDir),
    `-Dcassandra.logdir=${logs}`,
    `-Dlogback.configurationFile=${path.join(SETTINGS, 'logback.xml')}`,
    `-Dcassandra.jmx.local.port=${jmxPort}`,
    '-cp',
    path.join(JARS, '*'),
  ];
}

/** Puts the server on record; rejects with StartError if another one has the folder. */
async function takeFolder(dataDir: string, pid: number): Promise<void> {
  try {
    await writeFile(pidFile(dataDir), `${pid}\n`, { flag: 'wx' });
  } catch (error) {
    const isTaken = (error as NodeJS.ErrnoException).code === 'EEXIST';
    const holder = isTaken ? await findCassandra(dataDir) : undefined;
    throw holder === undefined ? error : heldBy(holder, dataDir);
  }
}

function heldBy(pid: number, dataDir: string): StartError {
  return new StartError(
    `A Cassandra of an earlier run (pid ${pid}) still works on ${dataDir}. Stop it with \`kill ${pid}\`, wait until it has ended, and start again.`,
  );
}

/**
 * Ends the server that an earlier, killed run left on this data folder: SIGTERM, then SIGKILL after 20 s. Resolves to its pid, or undefined
 * if there is none. Never touches a process that isn't a Cassandra on exactly this folder.
 */
export async function stopStaleCassandra(dataDir: string): Promise<number | undefined> {
  const folder = path.resolve(dataDir);
  const pid = await findCassandra(folder);
  if (pid !== undefined) {
    signalProcess(pid, 'SIGTERM');
    const deadline = Date.now() + STOP_TIMEOUT_MS;
    while ((await isCassandraOn(pid, folder)) && Date.now() < deadline) await sleep(50);
    if (await isCassandraOn(pid, folder)) signalProcess(pid, 'SIGKILL');
    while (await isCassandraOn(pid, folder)) await sleep(20);
  }
  await rm(pidFile(folder), { force: true });
  return pid;
}

/** The process of the server on this data folder. */
export async function findCassandra(dataDir: string): Promise<number | undefined> {
  const pid = Number.parseInt(await readFile(pidFile(dataDir), 'utf8').catch(() => ''), 10);
  return Number.isInteger(pid) && pid > 1 && (await isCassandraOn(pid, dataDir)) ? pid : undefined;
}

/** Pids are reused after a restart of the machine: only the command line tells whether this one is ours. */
async function isCassandraOn(pid: number, dataDir: string): Promise<boolean> {
  const onLinux = existsSync('/proc/self/cmdline');
  const command = onLinux
    ? await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    : await promisify(execFile)('ps', ['-ww', '-o', 'args=', '-p', String(pid)]).then(
        ({ stdout }) => stdout,
        () => '',
      );
  return command.includes(MAIN_CLASS) && command.includes(`${storageFlag(dataDir)}${onLinux ? '\0' : ' '}`);
}

function pidFile(dataDir: string): string {
  return path.join(dataDir, 'cassandra.pid');
}

function storageFlag(dataDir: string): string {
  return `-Dcassandra.storagedir=${dataDir}`;
}

function wanted(host: string, port: number, use: string) {
  return { host, port, use: `Cassandra's ${use}`, setting: 'INNER_PORT_OFFSET' };
}

async function answers(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Reads the cause from the last output of the server. */
async function whyItEnded(exit: Exit, log: string, dataDir: string): Promise<StartError> {
  const said = (await readFile(log, 'utf8').catch(() => '')).slice(-20_000);
  if (/No space left on device|Insufficient disk space/i.test(said)) {
    return new StartError(`The disk of ${dataDir} is full: free some space, or set DATA_DIR to another disk.`);
  }
  const inUse =
    /(?:Failed to bind port|Port already in use:?|is in use by another process|Address already in use)\D*(?:[\d.]+:)?(\d+)?/i.exec(
      said,
    );
  if (inUse) {
    const taken = inUse[1] === undefined ? 'A port' : `Port ${inUse[1]}`;
    return new StartError(
      `${taken} was taken by another program while Cassandra started: stop that, or set INNER_PORT_OFFSET to use others.`,
    );
  }
  if (/OutOfMemoryError|insufficient memory|Could not reserve enough space/i.test(said)) {
    return new StartError(
      'Cassandra ran out of memory: free some, or set CASSANDRA_HEAP_MB to what the machine can spare.',
    );
  }
  const lines = said
    .trim()
    .split('\n')
    .filter((line) => /ERROR|Exception|Error/.test(line));
  return new StartError(
    `Cassandra ended before it was ready (${describeExit(exit)}): ${lines.at(-1) ?? 'it said nothing'} Its log is ${log}.`,
  );
}
