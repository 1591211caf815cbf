import { ConfigError } from '#platform/config.ts';
import { MigrationError } from '../../../cassandra/migrate.ts';
import { CassandraStartError } from './cassandra-server.ts';
import { openShop } from './open-shop.ts';
import { describeSettings, readSettings } from './settings.ts';
import { StartError } from './start-error.ts';
import { type Store, startStore } from './store.ts';
import { createTerminal } from './terminal.ts';
import { welcome } from './welcome.ts';

const HELP = `npm start: runs the whole store on this machine until Ctrl-C: Cassandra, four services and Nginx, with 20,000 products.

It needs Java 17, Maven (for the first start) and Nginx; run by root on Debian it installs what is missing.
The second start finds all data as it was. \`npm run reset\` forgets the data.

Settings, from the environment:
${describeSettings()}
`;

/** Faults that a person can do something about, which their message tells; of any other the stack is shown. */
const EXPECTED = [StartError, CassandraStartError, MigrationError, ConfigError];

async function main(): Promise<void> {
  const unknown = process.argv.slice(2).filter((argument) => !['--help', '-h'].includes(argument));
  if (unknown.length > 0) throw new StartError(`${unknown.join(' ')} isn't known here; see npm start -- --help.`);
  if (process.argv.length > 2) return void process.stdout.write(HELP);

  const beganAt = Date.now();
  const settings = readSettings(process.env);
  // No child process gets to see it.
  delete process.env.ADMIN_PASSWORD;
  const terminal = createTerminal();
  const stopped = listenForStop(terminal.say);
  terminal.say(`Product Store starts in ${settings.dataDir}`);
  let store: Store | undefined;
  try {
    store = await startStore(settings, { onProgress: terminal.show, signal: stopped });
    const shop = await openShop(store, settings, terminal.show);
    stopped.throwIfAborted();
    terminal.say(welcome(store, settings, shop, (Date.now() - beganAt) / 1000));
    await new Promise((resolve) => stopped.addEventListener('abort', resolve));
  } catch (error) {
    if (!stopped.aborted) throw error;
  } finally {
    await store?.stop();
    terminal.close();
  }
  process.stdout.write('Stopped. The data is kept.\n');
}

/** The first signal asks for an orderly end, the second one ends everything as it is; what is left the next start cleans up. */
function listenForStop(say: (text: string) => void): AbortSignal {
  const stopping = new AbortController();
  const onSignal = () => {
    if (stopping.signal.aborted) process.exit(130);
    say('\nStopping: services first, then Nginx, then Cassandra. Ctrl-C again leaves at once.');
    stopping.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  return stopping.signal;
}

try {
  await main();
  process.exit(0);
} catch (error) {
  const expected = EXPECTED.some((kind) => error instanceof kind);
  process.stderr.write(`\n${expected ? (error as Error).message : ((error as Error).stack ?? error)}\n`);
  process.exit(1);
}
