import { setTimeout as sleep } from 'node:timers/promises';
import { StartError } from './start-error.ts';

type Params = Readonly<Record<string, unknown>>;

/** Node's inspector of a running process, by the DevTools protocol. */
export interface Inspector {
  /** Resolves with the result; rejects with the inspector's message. */
  send<Result = unknown>(method: string, params?: Params): Promise<Result>;
  onEvent(method: string, listener: (params: Params) => void): void;
  /** Closes the process's port too. */
  close(): Promise<void>;
}

/** ms until the process has opened its port. */
const OPENS_WITHIN = 5000;
/** What a process that was started with `INSPECTOR_FLAGS` writes into its log: no one else gets to know the address. */
const ADDRESS = /^Debugger listening on (ws:\S+)$/gm;
const CLOSE = "setImmediate(() => process.getBuiltinModule('node:inspector').close())";

/** For a process that may be inspected: on any free port of loopback, at an address that is told in its log alone. */
export const INSPECTOR_FLAGS = ['--inspect-port=127.0.0.1:0', '--inspect-publish-uid=stderr'];

/** Has the process open its inspector, which works even while its event loop is blocked. Throws StartError if it doesn't. */
export async function connectInspector(pid: number, readLog: () => Promise<string>): Promise<Inspector> {
  process.kill(pid, 'SIGUSR1');
  for (const deadline = Date.now() + OPENS_WITHIN; Date.now() < deadline; await sleep(100)) {
    const address = [...(await readLog()).matchAll(ADDRESS)].at(-1)?.[1];
    const socket = address && (await connect(address));
    if (socket) return createInspector(socket);
  }
  throw new StartError(`Process ${pid} doesn't open its inspector.`);
}

/** Undefined where nobody listens, as at the address of an earlier time. */
function connect(address: string): Promise<WebSocket | undefined> {
  const socket = new WebSocket(address);
  return new Promise((resolve) => {
    socket.addEventListener('open', () => resolve(socket));
    socket.addEventListener('error', () => resolve(undefined));
  });
}

function createInspector(socket: WebSocket): Inspector {
  const listeners = new Map<string, (params: Params) => void>();
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let sent = 0;

  socket.addEventListener('message', ({ data }) => {
    const { id, method, params, result, error } = JSON.parse(data);
    if (method) return listeners.get(method)?.(params);
    const answer = waiting.get(id);
    waiting.delete(id);
    if (error) answer?.reject(new Error(error.message));
    else answer?.resolve(result);
  });
  const closed = new Promise<void>((resolve) => socket.addEventListener('close', () => resolve()));
  closed.then(() => {
    for (const { reject } of waiting.values())
      reject(new StartError('The process has ended, or closed its inspector.'));
  });

  async function send<Result>(method: string, params: Params = {}): Promise<Result> {
    sent += 1;
    const answer = Promise.withResolvers<unknown>();
    waiting.set(sent, answer);
    socket.send(JSON.stringify({ id: sent, method, params }));
    return (await answer.promise) as Result;
  }

  return {
    send,
    onEvent: (method, listener) => void listeners.set(method, listener),
    async close() {
      await send('Runtime.evaluate', { expression: CLOSE });
      socket.close();
      await closed;
    },
  };
}
