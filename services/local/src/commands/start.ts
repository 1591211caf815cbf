import path from 'node:path';
import { ensureDocs } from '../docs-pages.ts';
import { openShop } from '../open-shop.ts';
import { stopLeftovers } from '../processes.ts';
import { type OptionValues, runCommand } from '../run-command.ts';
import { describeSettings, readSettings } from '../settings.ts';
import { StartError } from '../start-error.ts';
import { onStopSignal } from '../stop-signal.ts';
import type { StoreEvent } from '../store/start-context.ts';
import { type Store, startStore } from '../store.ts';
import { createTerminal } from '../terminal.ts';
import { welcome } from '../welcome.ts';

const HELP = `npm start: runs the whole store on this machine until Ctrl-C: Cassandra, four services and Nginx, with 20,000 products.

It needs Java 17, Maven (for the first start) and Nginx; run by root on Debian, it installs what is missing.
The next start finds all data as it was. \`npm run reset\` deletes the data.

  --replicas 2   runs two processes of each service (REPLICAS); \`npm run restart\` then loses no request
  --observe      starts Prometheus, Alertmanager and exporters too (OBSERVE=1)

Settings, from the environment:
${describeSettings()}
`;

const OPTIONS = { replicas: { type: 'string' }, observe: { type: 'boolean' } } as const;

async function main({ replicas, observe }: OptionValues<typeof OPTIONS>): Promise<void> {
  const beganAt = Date.now();
  const settings = readSettings({
    ...process.env,
    ...(replicas !== undefined && { REPLICAS: replicas }),
    ...(observe && { OBSERVE: '1' }),
  });
  // No child process must see it.
  delete process.env.ADMIN_PASSWORD;
  const terminal = createTerminal();
  const stopped = listenForStop(settings.dataDir, terminal.say);
  terminal.say(`Starting Product Store in ${settings.dataDir}`);
  let store: Store | undefined;
  try {
    store = await startStore(settings, { onProgress: terminal.show, signal: stopped });
    const opened = Promise.all([openShop(store, settings, terminal.show), openDocs(terminal.show)]);
    const [shop] = await Promise.race([opened, rejectWhen(stopped)]);
    const { restartServices } = store;
    process.on('SIGUSR2', () => {
      restartServices().catch((error: Error) => stopped.aborted || terminal.say(error.message));
    });
    terminal.say(welcome(store, settings, shop, (Date.now() - beganAt) / 1000));
    await rejectWhen(stopped);
  } catch (error) {
    if (!stopped.aborted) throw error;
  } finally {
    await store?.stop();
    terminal.close();
  }
  process.stdout.write('Stopped. The data is kept.\n');
}

/** A store without its pages still sells, so missing pages are only reported. */
async function openDocs(show: (event: StoreEvent) => void): Promise<void> {
  try {
    const isBuilt = await ensureDocs(() => show({ kind: 'began', step: 'docs', text: 'Docs: building the pages' }));
    if (isBuilt) show({ kind: 'done', step: 'docs', text: 'Docs are built' });
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    show({ kind: 'noted', text: `There are no pages at /docs/. ${error.message}` });
  }
}

function rejectWhen(stopped: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    stopped.addEventListener('abort', () => reject(stopped.reason), { once: true });
    if (stopped.aborted) reject(stopped.reason);
  });
}

/** The first signal stops the store in good order, the second cuts off running requests, the third waits for nothing. */
function listenForStop(dataDir: string, say: (text: string) => void): AbortSignal {
  const stopping = new AbortController();
  let asked = 0;
  const onSignal = () => {
    asked += 1;
    if (asked === 1) {
      stopping.abort();
      say('\nStopping: services first, then Nginx, then Cassandra. Ctrl-C again to hurry.');
    } else if (asked === 2) {
      stopLeftovers(path.join(dataDir, 'run'), 'SIGKILL');
      say('Hurrying: cutting off running requests.');
    } else {
      say('Leaving the rest running: the next start stops it.');
      process.exit(130);
    }
  };
  onStopSignal(onSignal);
  return stopping.signal;
}

await runCommand({ help: HELP, options: OPTIONS }, main);
// A connection that is still open must not keep the process alive.
process.exit();
