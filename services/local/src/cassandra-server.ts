import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import {
  access,
  constants,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
  writeFile,
} from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { delimiter, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { type Admin, bootstrapAdmin } from '../../../cassandra/migrate.ts';
import { describeExit, type Exit, exitOf, signalProcess } from './processes.ts';
import { StartError } from './start-error.ts';

const run = promisify(execFile);

const cassandraRoom = fileURLToPath(new URL('../../../cassandra/', import.meta.url));
const settings = join(cassandraRoom, 'server');
const target = join(cassandraRoom, 'target');
const jarFolder = join(target, 'dependency');
const agentJar = join(jarFolder, 'jmx_prometheus_javaagent-1.0.1.jar');
const agentRules = fileURLToPath(new URL('../../../monitoring/cassandra-jmx.yml', import.meta.url));
const mainClass = 'org.apache.cassandra.service.CassandraDaemon';
const javaMajor = 17;
const stopWaitMs = 20_000;
const javaFolders = ['/usr/lib/jvm', '/opt/homebrew/opt', '/usr/local/opt', '/Library/Java/JavaVirtualMachines'];
const leastFreeBytes = 512 * 1024 * 1024;

/**
 * Behind `server/jvm.options`, where there are other nodes: that one is in a hurry, since a lone node has nobody to wait for. With a delay of 1 ms
 * two nodes that start on a busy machine may take each other for gone, and stay apart.
 */
export const ringJvmOptions: readonly string[] = [
  '-Dcassandra.ring_delay_ms=5000',
  '-Dcassandra.load_ring_state=true',
  '-Dcassandra.superuser_setup_delay_ms=1000',
];

export interface JarsOptions {
  /** Told each step in words, for people. */
  onProgress?: (message: string) => void;
  /** Where installed Javas are looked for after JAVA_HOME and the PATH. */
  searchFolders?: readonly string[];
}

export interface CassandraOptions {
  /** Everything the server writes is in here: data, commit log, logs, its pid. */
  dataDir: string;
  /** The superuser; created on a fresh server, where it replaces cassandra/cassandra. */
  admin: Admin;
  /** A loopback address. */
  host?: string;
  port?: number;
  storagePort?: number;
  jmxPort?: number;
  /** Where the JMX agent serves `monitoring/cassandra-jmx.yml` to Prometheus, on `host`; without it there is no agent. */
  metricsPort?: number;
  heapMb?: number;
  clusterName?: string;
  /** This server as one node of several; a lone one without. */
  ring?: Ring;
  /** Clients must encrypt their connections; in clear text without. */
  clientTls?: ClientTls;
  /** More arguments for java, such as an agent. */
  jvmArgs?: string[];
  /** How long `ready` may take before it fails. */
  readyTimeoutMs?: number;
}

/** The place of a node among others that hold the same data; all are to be started at once, each with what is said here. */
export interface Ring {
  /** `host:storagePort` of nodes through which the others are found, the same for all. */
  seeds: readonly string[];
  /** Position on the ring, of its own for each node; `ringTokens` spreads them evenly. */
  token: bigint;
  /** Copies of accounts and grants. A node is ready when most of them are. */
  replicationFactor: number;
}

export interface ClientTls {
  /** PEM file with the key and the certificate of this node, as `cassandra/server/make-certificates.sh` makes one. */
  certificateFile: string;
  /** PEM certificates of the authority that signed it. */
  ca: string;
}

export interface CassandraServer {
  pid: number;
  /** `host:port`, as the driver takes it. */
  contactPoint: string;
  logFile: string;
  /** The CQL port answers and `admin` can sign in. Rejects with StartError, the process gone. */
  ready: Promise<void>;
  /** Resolves when the process has ended, for whatever reason. */
  exited: Promise<Exit>;
  /** SIGTERM, then SIGKILL after 20 s. Resolves when the process has ended; may be repeated. */
  stop(): Promise<void>;
  /** SIGKILL, what a power cut looks like to the data. Resolves when the process has ended. */
  kill(): Promise<void>;
}

/**
 * Sees to it that the server's jars are there, whole and the very ones of `server/jars.sha256`; downloads them with Maven if not.
 * A cut-off download leaves nothing that a later start takes for whole. Throws StartError.
 */
export async function ensureCassandraJars({ onProgress = () => {}, searchFolders }: JarsOptions = {}): Promise<void> {
  await findJava(searchFolders);
  if ((await wrongJars(jarFolder)).length === 0) return;
  onProgress('Downloading Apache Cassandra 5.0.9 with Maven (70 MB, once)');
  await mkdir(target, { recursive: true });
  await removeAbandonedDownloads();
  const partial = join(target, `dependency.partial-${process.pid}`);
  await rm(partial, { recursive: true, force: true });
  try {
    await download(partial);
    const wrong = await wrongJars(partial);
    if (wrong.length > 0) {
      throw new StartError(
        `Maven delivered other files than cassandra/server/jars.sha256 names: ${wrong.slice(0, 5).join(', ')}. ` +
          'If a mirror cut a download short, remove those artifacts from ~/.m2/repository and start again.',
      );
    }
    await rm(jarFolder, { recursive: true, force: true });
    await rename(partial, jarFolder).catch(async (error: unknown) => {
      // Another start of the same checkout was quicker.
      if ((await wrongJars(jarFolder)).length > 0) throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  onProgress('Apache Cassandra 5.0.9 is there');
}

/** What downloads that were killed left behind; those of a running process are left alone. */
async function removeAbandonedDownloads(): Promise<void> {
  for (const name of await readdir(target)) {
    const pid = /^dependency\.partial-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(target, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isErrno(error, 'EPERM');
  }
}

async function download(folder: string): Promise<void> {
  const args = ['-B', '-q', 'dependency:copy-dependencies', `-DoutputDirectory=${folder}`];
  try {
    await run('mvn', args, { cwd: cassandraRoom, maxBuffer: 16 * 1024 * 1024 });
  } catch (error) {
    if (isErrno(error, 'ENOENT')) {
      throw new StartError(
        'Maven (mvn) is not installed. Install it (Debian, Ubuntu: apt install maven; macOS: brew install maven) and start again.',
        { cause: error },
      );
    }
    const output = error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error);
    const reason = output.split('\n').find((line) => line.includes('ERROR')) ?? output.trim().split('\n')[0] ?? '';
    throw new StartError(
      `Maven could not download Cassandra: ${reason.trim()} — check the network (or Maven's proxy in ~/.m2/settings.xml), then start again, ` +
        'or run `mvn -B dependency:copy-dependencies` in cassandra/ to see all it says.',
      { cause: error },
    );
  }
}

/** Names of the jars that are missing or not what they should be. */
async function wrongJars(folder: string): Promise<string[]> {
  const lines = (await readFile(join(settings, 'jars.sha256'), 'utf8')).trim().split('\n');
  const expected = lines.map((line) => ({ sha256: line.slice(0, 64), name: line.slice(66) }));
  const there = new Set(await readdir(folder).catch(() => []));
  const wrong: string[] = [];
  for (const { sha256, name } of expected) {
    if (!there.has(name) || (await sha256Of(join(folder, name))) !== sha256) wrong.push(name);
    if (wrong.length >= 5) break;
  }
  return wrong;
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) hash.update(chunk);
  return hash.digest('hex');
}

interface Java {
  path: string;
  version: string;
}

/** Cassandra 5.0 runs on Java 11 and 17 only; this store's flags are for 17. JAVA_HOME first, then the PATH, then the usual folders. */
async function findJava(folders: readonly string[] = javaFolders): Promise<Java> {
  const seen: string[] = [];
  for (const path of await javaCandidates(folders)) {
    const version = await javaVersion(path);
    if (version === undefined) continue;
    if (Number.parseInt(version, 10) === javaMajor) return { path, version };
    seen.push(`${path} is ${version}`);
  }
  const found = seen.length === 0 ? 'No Java was found' : `Java ${javaMajor} was not found (${seen.join('; ')})`;
  throw new StartError(
    `${found}. Cassandra 5.0 needs Java ${javaMajor}, neither older nor newer: install it (Debian, Ubuntu: apt install openjdk-17-jre-headless; ` +
      'macOS: brew install openjdk@17) or let JAVA_HOME point to it.',
  );
}

async function javaCandidates(folders: readonly string[]): Promise<string[]> {
  const homes = process.env.JAVA_HOME ? [process.env.JAVA_HOME] : [];
  const onPath = (process.env.PATH ?? '')
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, 'java'));
  const installed: string[] = [];
  for (const parent of folders) {
    const names = await readdir(parent).catch(() => []);
    for (const name of names.filter((each) => each.includes(String(javaMajor)))) {
      installed.push(join(parent, name), join(parent, name, 'Contents/Home'));
    }
  }
  const all = [...homes.map(javaIn), ...onPath, ...installed.map(javaIn)];
  return [...new Set(all)].filter((path) => existsSync(path));
}

const javaIn = (home: string) => join(home, 'bin', 'java');

async function javaVersion(path: string): Promise<string | undefined> {
  try {
    const { stderr } = await run(path, ['-version']);
    return /version "([^"]+)"/.exec(stderr)?.[1];
  } catch {
    return undefined;
  }
}

/**
 * Starts the real server on a data folder that it alone may use. Resolves once the process runs; wait for `ready` before using it.
 * The process leads its own group, so Ctrl-C in a terminal reaches the caller alone, who stops it when the services have drained.
 * Throws StartError when the data folder is in use, a port is taken, the disk is full or Java is missing.
 */
export async function startCassandra(options: CassandraOptions): Promise<CassandraServer> {
  const { host = '127.0.0.1', port = 9042, storagePort = 7000, jmxPort = 7199, heapMb = 1024 } = options;
  const { admin, clusterName = 'Product Store', jvmArgs = [], readyTimeoutMs = 180_000 } = options;
  const { ring, clientTls, metricsPort } = options;
  if (!/^127(\.\d{1,3}){3}$/.test(host)) throw new StartError(`Cassandra listens on loopback only, not on ${host}.`);
  const dataDir = resolve(options.dataDir);
  const logs = join(dataDir, 'logs');
  await mkdir(logs, { recursive: true });
  await mkdir(join(dataDir, 'conf'), { recursive: true });

  const java = await findJava();
  const holder = await findCassandra(dataDir);
  if (holder !== undefined) throw heldBy(holder, dataDir);
  await rm(pidFile(dataDir), { force: true });
  await checkDisk(dataDir);
  await checkPort(host, port, 'CQL');
  await checkPort(host, storagePort, 'storage');
  await checkPort('127.0.0.1', jmxPort, 'JMX');
  if (metricsPort !== undefined) await checkPort(host, metricsPort, 'metrics');

  const yaml = join(dataDir, 'conf', 'cassandra.yaml');
  await writeFile(
    yaml,
    await renderYaml({
      CLUSTER_NAME: clusterName,
      HOST: host,
      STORAGE_PORT: storagePort,
      NATIVE_TRANSPORT_PORT: port,
      ...(ring && ringSettings(ring)),
      ...(clientTls && { CLIENT_ENCRYPTION: toEncryptionOptions(clientTls.certificateFile) }),
    }),
  );
  // Java can't write the archive down while an agent may change classes.
  const archive = metricsPort === undefined ? await classArchive(java) : noArchive;
  const args = [
    `@${join(settings, 'jvm.options')}`,
    // Reserved up to the limit, but taken from the machine only as it is used.
    `-Xms${Math.min(256, heapMb)}m`,
    `-Xmx${heapMb}m`,
    ...archive.args,
    ...(ring ? ringJvmOptions : []),
    ...(metricsPort === undefined ? [] : [`-javaagent:${agentJar}=${host}:${metricsPort}:${agentRules}`]),
    ...jvmArgs,
    `-Dcassandra.config=${pathToFileURL(yaml)}`,
    `-Dcassandra-rackdc.properties=${pathToFileURL(join(settings, 'cassandra-rackdc.properties'))}`,
    `-Dcassandra.storagedir=${dataDir}`,
    `-Dcassandra.logdir=${logs}`,
    `-Dlogback.configurationFile=${join(settings, 'logback.xml')}`,
    `-Dcassandra.jmx.local.port=${jmxPort}`,
    '-cp',
    join(jarFolder, '*'),
    mainClass,
  ];
  const consoleLog = join(logs, 'cassandra-console.log');
  const { child, ended } = await spawnInto(consoleLog, java.path, args);
  const { pid } = child;
  if (pid === undefined) throw new StartError(`${java.path} could not be started.`);
  try {
    await writeFile(pidFile(dataDir), `${pid}\n`, { flag: 'wx' });
  } catch (error) {
    child.kill('SIGKILL');
    const other = isErrno(error, 'EEXIST') ? await findCassandra(dataDir) : undefined;
    throw other === undefined ? error : heldBy(other, dataDir);
  }

  let running = true;
  const exited = ended
    .then(async (exit) => {
      running = false;
      await archive.keep(exit.code).catch(() => undefined);
      return exit;
    })
    .finally(() => rm(pidFile(dataDir), { force: true }));

  const kill = async () => {
    if (running) child.kill('SIGKILL');
    await exited;
  };
  const stop = async () => {
    if (running) child.kill('SIGTERM');
    const patience = setTimeout(() => child.kill('SIGKILL'), stopWaitMs);
    await exited;
    clearTimeout(patience);
  };
  const becomeReady = async () => {
    const deadline = Date.now() + readyTimeoutMs;
    while (running && Date.now() < deadline && !(await answers(host, port))) await sleep(50);
    if (!running) throw await whyItEnded(await exited, consoleLog, { host, dataDir });
    const within = Math.max(deadline - Date.now(), 1);
    const gone = exited.then(async (exit) => {
      throw await whyItEnded(exit, consoleLog, { host, dataDir });
    });
    try {
      const account = { contactPoints: [`${host}:${port}`], tlsCa: clientTls?.ca, admin, timeoutMs: within };
      await Promise.race([gone, bootstrapAdmin(account)]);
    } catch (error) {
      await kill();
      if (error instanceof StartError) throw error;
      throw new StartError(
        `Cassandra did not become ready: ${messageOf(error)} Its log is ${join(logs, 'cassandra.log')}.`,
        {
          cause: error,
        },
      );
    }
  };
  const ready = becomeReady();
  // Who stops a server that is still starting doesn't want an unhandled rejection for it.
  ready.catch(() => {});
  return { pid, contactPoint: `${host}:${port}`, logFile: join(logs, 'cassandra.log'), ready, exited, stop, kill };
}

/**
 * Ends the server that an earlier, killed run left on this data folder: SIGTERM, SIGKILL after 20 s. Gives its pid, or undefined
 * if there is none. Never touches a process that isn't a Cassandra on exactly this folder.
 */
export async function stopStaleCassandra(dataDir: string): Promise<number | undefined> {
  const folder = resolve(dataDir);
  const pid = await findCassandra(folder);
  if (pid !== undefined) {
    signalProcess(pid, 'SIGTERM');
    const deadline = Date.now() + stopWaitMs;
    while ((await isCassandraOn(pid, folder)) && Date.now() < deadline) await sleep(50);
    if (await isCassandraOn(pid, folder)) signalProcess(pid, 'SIGKILL');
    while (await isCassandraOn(pid, folder)) await sleep(20);
  }
  await rm(pidFile(folder), { force: true });
  return pid;
}

const pidFile = (dataDir: string) => join(dataDir, 'cassandra.pid');

/** The process of the server on this data folder. */
export async function findCassandra(dataDir: string): Promise<number | undefined> {
  const pid = Number.parseInt(await readFile(pidFile(dataDir), 'utf8').catch(() => ''), 10);
  return Number.isInteger(pid) && pid > 1 && (await isCassandraOn(pid, dataDir)) ? pid : undefined;
}

/** A pid is reused after a restart of the machine: only the command line tells whether it is ours. */
async function isCassandraOn(pid: number, dataDir: string): Promise<boolean> {
  const onLinux = existsSync('/proc/self/cmdline');
  const command = onLinux
    ? await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    : await run('ps', ['-ww', '-o', 'args=', '-p', String(pid)])
        .then(({ stdout }) => stdout)
        .catch(() => '');
  return command.includes(mainClass) && command.includes(`-Dcassandra.storagedir=${dataDir}${onLinux ? '\0' : ' '}`);
}

function heldBy(pid: number, dataDir: string): StartError {
  return new StartError(
    `A Cassandra of an earlier run (pid ${pid}) still works on ${dataDir}. Stop it with \`kill ${pid}\`, wait until it has ended, and start again.`,
  );
}

async function spawnInto(
  file: string,
  command: string,
  args: string[],
): Promise<{ child: ChildProcess; ended: Promise<Exit> }> {
  // Only this start's words tell why it failed; the last start's stay beside them.
  await rename(file, `${file}.previous`).catch(() => {});
  const output = await open(file, 'w');
  try {
    const child = spawn(command, args, { detached: true, stdio: ['ignore', output.fd, output.fd], cwd: dirname(file) });
    const ended = exitOf(child);
    await once(child, 'spawn');
    return { child, ended };
  } finally {
    await output.close();
  }
}

/** Text of cassandra.yaml, of a lone node without TLS if nothing else is said. */
export async function renderYaml(values: Record<string, string | number>): Promise<string> {
  const template = await readFile(join(settings, 'cassandra.yaml.template'), 'utf8');
  const all: typeof values = { ...loneNode, SEEDS: `${values.HOST}:${values.STORAGE_PORT}`, ...values };
  return template.replace(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = all[name];
    if (value === undefined) throw new Error(`cassandra.yaml.template asks for ${name}, which nobody gives`);
    return String(value);
  });
}

const loneNode = {
  INITIAL_TOKEN: 0,
  REPLICATION_FACTOR: 1,
  HAS_OTHERS: 'false',
  CLIENT_ENCRYPTION: '{ enabled: false }',
};

export function ringSettings({ seeds, token, replicationFactor }: Ring) {
  return {
    SEEDS: seeds.join(','),
    INITIAL_TOKEN: String(token),
    REPLICATION_FACTOR: replicationFactor,
    HAS_OTHERS: 'true',
  };
}

/** A token for each of `nodes` nodes, the same share of the data for all. */
export function ringTokens(nodes: number): bigint[] {
  return Array.from({ length: nodes }, (_, node) => (BigInt(node) * 2n ** 64n) / BigInt(nodes) - 2n ** 63n);
}

/** JSON, which is YAML too. */
export function toEncryptionOptions(certificateFile: string): string {
  const factory = { class_name: 'org.apache.cassandra.security.PEMBasedSslContextFactory' };
  return JSON.stringify({ enabled: true, optional: false, ssl_context_factory: factory, keystore: certificateFile });
}

interface ClassArchive {
  args: string[];
  keep(code: number | null): Promise<void>;
}

const noArchive: ClassArchive = { args: [], keep: async () => {} };

/**
 * The first server of a checkout writes its loaded classes down when it stops, later ones map them: ready in 2.8 s instead of 3.9 s.
 * Java ignores an archive that doesn't fit its version or the jars.
 */
async function classArchive(java: Java): Promise<ClassArchive> {
  const file = join(target, `classes-${java.version}.jsa`);
  const jars = await stat(join(jarFolder, 'cassandra-all-5.0.9.jar')).catch(() => undefined);
  const made = await stat(file).catch(() => undefined);
  if (made !== undefined && jars !== undefined && made.ctimeMs > jars.ctimeMs) {
    return { args: [`-XX:SharedArchiveFile=${file}`, '-Xlog:cds=off', '-Xlog:cds+dynamic=off'], keep: async () => {} };
  }
  const partial = `${file}.partial-${process.pid}`;
  return {
    args: [`-XX:ArchiveClassesAtExit=${partial}`, '-Xlog:cds=off', '-Xlog:cds+dynamic=off'],
    keep: async (code) => {
      // 143 is what java ends with after SIGTERM, its shutdown finished.
      if (code === 143) await rename(partial, file).catch(() => {});
      await rm(partial, { force: true });
    },
  };
}

async function checkDisk(dataDir: string): Promise<void> {
  await access(dataDir, constants.W_OK).catch((error: unknown) => {
    throw new StartError(`${dataDir} can't be written to: change its owner, or set DATA_DIR to another folder.`, {
      cause: error,
    });
  });
  const { bavail, bsize } = await statfs(dataDir);
  if (bavail * bsize < leastFreeBytes) {
    throw new StartError(
      `The disk of ${dataDir} has only ${Math.floor((bavail * bsize) / 1024 / 1024)} MB left and Cassandra needs 512: free some, or set DATA_DIR to another disk.`,
    );
  }
}

async function checkPort(host: string, port: number, use: string): Promise<void> {
  const probe = createServer();
  try {
    probe.listen({ host, port, exclusive: true });
    await once(probe, 'listening');
  } catch (error) {
    if (!isErrno(error, 'EADDRINUSE')) throw error;
    throw portTaken(host, port, use, error);
  } finally {
    probe.close();
  }
}

function portTaken(host: string, port: number | string, use: string, cause?: unknown): StartError {
  return new StartError(
    `Port ${port} of ${host}, for Cassandra's ${use}, is taken by another program: stop that one, or set INNER_PORT_OFFSET to move all inner ports.`,
    { cause },
  );
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

/** Reads the cause out of what the server said last. */
async function whyItEnded(exit: Exit, log: string, where: { host: string; dataDir: string }): Promise<StartError> {
  const said = (await readFile(log, 'utf8').catch(() => '')).slice(-20_000);
  if (/No space left on device|Insufficient disk space/i.test(said)) {
    return new StartError(`The disk of ${where.dataDir} is full: free some space, or set DATA_DIR to another disk.`);
  }
  const inUse =
    /(?:Failed to bind port|Port already in use:?|is in use by another process|Address already in use)\D*(?:[\d.]+:)?(\d+)?/i.exec(
      said,
    );
  if (inUse !== null) return portTaken(where.host, inUse[1] ?? 'unknown', 'start');
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

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
