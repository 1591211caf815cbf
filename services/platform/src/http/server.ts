import { createServer, type RequestListener, type Server } from 'node:http';
import { Server as NetServer } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Longer than the 55 s after which Nginx closes an idle connection, so that it never sends a request into a closed one. */
const KEEP_ALIVE_MS = 75_000;
const REQUEST_TIMEOUT_MS = 15_000;
/** More than the headers that Nginx accepts (4 × 8 kB) and those that it adds, so that Nginx alone refuses too large ones. */
const MAX_HEADER_BYTES = 48 * 1024;
/** Connections that may wait to be accepted; Node's 511 is less than one flash sale, and Nginx waits 250 ms for a connection. */
const BACKLOG = 4096;
/** How long running requests may take while draining. */
const DRAIN_TIMEOUT_MS = 20_000;
/**
 * How long idle connections are kept while draining: longer than Nginx avoids a server that has refused a connection, so that it uses up
 * the connections it has.
 */
const QUIET_MS = 4000;
/** The longest that a turn of the event loop takes if it has nothing to do, and how long such a turn is waited for. */
const IDLE_TURN_MS = 0.1;
const IDLE_WITHIN_MS = 4000;

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Serves `app` on `address`; throws if it can't listen there. */
export async function listen(app: RequestListener, { host, port }: Address): Promise<Server> {
  const server = createServer(
    {
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: REQUEST_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    app,
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: BACKLOG }, resolve);
  });
  return server;
}

/**
 * Accepts no new connections and closes each one after its next answer. An idle connection may be carrying a request at this very moment,
 * which would be lost with it: idle ones are closed only after their owners had time to notice that the server is gone.
 */
export async function drain(server: Server): Promise<void> {
  server.prependListener('request', (_request, response) => response.setHeader('Connection', 'close'));
  await idleMoment();
  // Like `http.Server.close`, but without closing idle connections at once.
  const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
  const quiet = setInterval(() => server.closeIdleConnections(), QUIET_MS);
  const overdue = setTimeout(() => server.closeAllConnections(), DRAIN_TIMEOUT_MS);
  await closed;
  clearInterval(quiet);
  clearTimeout(overdue);
}

/** Closing a listener resets the connections it hasn't accepted yet, with the requests in them; in an idle turn there are none. */
async function idleMoment(): Promise<void> {
  const deadline = performance.now() + IDLE_WITHIN_MS;
  // The rest of the current turn accepts nothing more.
  await nextTurn();
  for (let beganAt = performance.now(); beganAt < deadline; beganAt = performance.now()) {
    await nextTurn();
    if (performance.now() - beganAt < IDLE_TURN_MS) return;
  }
}
