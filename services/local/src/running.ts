import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { mkdir, open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeExit, type Exit, exitOf, signalProcess } from './processes.ts';
import { StartError } from './start-error.ts';

/** One life of a process. */
export interface Running {
  readonly pid: number;
  /** Rejects with a sentence when the process ends before, or never gets there. */
  readonly ready: Promise<void>;
  readonly exited: Promise<Exit>;
  kill(signal: NodeJS.Signals): void;
  /** In good order, by force if it takes too long. Resolves when the process has ended. */
  stop(): Promise<void>;
}

/** How to start a process, and how to stop it. */
export interface SpawnPlan {
  readonly command: string;
  readonly args: readonly string[];
  /** All of it: nothing of ours is passed on. */
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** Its working folder. */
  readonly folder: string;
  readonly stopSignal: NodeJS.Signals;
  readonly stopTimeoutMs: number;
}

export interface ProcessPlan extends SpawnPlan {
  readonly name: string;
  /** Holds its pid too: a later start recognizes the process by both. */
  readonly folder: string;
  readonly logFile: string;
  isReady(): Promise<boolean>;
  readonly readyTimeoutMs: number;
}

/** Starts a process, with its pid in its folder. Rejects, with nothing left running, when it can't be started or recorded. */
export async function launch(plan: ProcessPlan): Promise<Running> {
  await mkdir(plan.folder, { recursive: true });
  const log = openSync(plan.logFile, 'a', 0o600);
  const logStart = fstatSync(log).size;
  const leader = await spawnLeader(plan, log, (pid) => writeFile(path.join(plan.folder, 'pid'), String(pid))).finally(
    () => closeSync(log),
  );

  async function becomeReady(): Promise<void> {
    const deadline = Date.now() + plan.readyTimeoutMs;
    while (!leader.hasExited() && Date.now() < deadline) {
      if (await plan.isReady()) return;
      await sleep(50);
    }
    const what = leader.hasExited()
      ? `ended at once (${describeExit(await leader.exited)})`
      : `isn't ready after ${plan.readyTimeoutMs / 1000} s`;
    throw new StartError(`${plan.name} ${what}. The end of ${plan.logFile}:\n${await readEnd(plan.logFile, logStart)}`);
  }
  const ready = becomeReady();
  // Stopping a process that isn't ready yet must not leave this rejection unhandled.
  ready.catch(() => undefined);
  return { ...leader, ready };
}

/**
 * Starts a process as the leader of a group of its own, so that Ctrl-C in the terminal reaches the launcher alone, with `output` as its
 * stdout and stderr. Rejects, with nothing left running, when it can't be started or `record` rejects.
 */
export async function spawnLeader(
  plan: SpawnPlan,
  output: number,
  record: (pid: number) => Promise<void>,
): Promise<Omit<Running, 'ready'> & { hasExited(): boolean }> {
  const child = spawn(plan.command, plan.args, {
    cwd: plan.folder,
    env: plan.env,
    detached: true,
    stdio: ['ignore', output, output],
  });
  const { pid } = child as { pid: number };
  let hasExited = false;
  const exited = exitOf(child).then((exit) => {
    hasExited = true;
    // A master that was killed leaves its workers behind.
    signalProcess(-pid, 'SIGKILL');
    return exit;
  });
  await once(child, 'spawn');
  await record(pid).catch(async (error: unknown) => {
    // No later start would find an unrecorded process.
    signalProcess(-pid, 'SIGKILL');
    await exited;
    throw error;
  });
  return {
    pid,
    exited,
    hasExited: () => hasExited,
    kill: (signal) => void (hasExited || signalProcess(pid, signal)),
    async stop() {
      if (!hasExited) signalProcess(pid, plan.stopSignal);
      const overdue = setTimeout(() => hasExited || signalProcess(pid, 'SIGKILL'), plan.stopTimeoutMs);
      await exited;
      clearTimeout(overdue);
    },
  };
}

async function readEnd(file: string, start: number): Promise<string> {
  const log = await open(file);
  try {
    const { size } = await log.stat();
    const from = Math.max(start, size - 4000);
    const { buffer, bytesRead } = await log.read(Buffer.alloc(4000), 0, size - from, from);
    const lines = buffer.toString('utf8', 0, bytesRead).trim().split('\n').slice(-12);
    return lines.map((line) => `  ${line.slice(0, 400)}`).join('\n');
  } finally {
    await log.close();
  }
}

/** For `isReady`: whether a GET of `url` is answered with a 2xx status within 2 s. */
export async function answersOk(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    (response) => response.ok,
    () => false,
  );
}
