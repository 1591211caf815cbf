import { errors } from 'cassandra-driver';
import { isStore } from '../data-dir.ts';
import { type OptionValues, runCommand } from '../run-command.ts';
import { ensureSecrets } from '../secrets.ts';
import { seedCatalogue } from '../seed/catalogue.ts';
import { SHOPPER_PASSWORD, seedUsers, shopperEmail } from '../seed/users.ts';
import { innerPorts, onLoopback, readSettings } from '../settings.ts';
import { StartError } from '../start-error.ts';
import { DATA_CENTER } from '../store/database.ts';
import { createTerminal } from '../terminal.ts';

const HELP = `npm run seed: fills the running store with products; existing ones stay as the shop has changed them.

  --products N   products to make (20000), up to millions
  --seed N       seed of the generator (1): the same seed gives the same products, another adds others
  --users N      also makes shoppers for load tests (0): ${shopperEmail(1)} and so on, all with the password ${SHOPPER_PASSWORD}

DATA_DIR, INNER_PORT_OFFSET and CURRENCY are read as by \`npm start\`.
`;

const OPTIONS = {
  products: { type: 'string', default: '20000' },
  seed: { type: 'string', default: '1' },
  users: { type: 'string', default: '0' },
} as const;
const MOST = 100_000_000;

async function main(values: OptionValues<typeof OPTIONS>): Promise<void> {
  const products = readNumber('--products', values.products);
  const seed = readNumber('--seed', values.seed);
  const users = readNumber('--users', values.users);

  const settings = readSettings(process.env);
  if (!(await isStore(settings.dataDir))) {
    throw new StartError(
      `There is no store in ${settings.dataDir}: start it with npm start, and seed it while it is running.`,
    );
  }
  const { rolePasswords } = await ensureSecrets(settings.dataDir);
  const account = (role: 'product' | 'users') => ({
    contactPoints: [onLoopback(innerPorts(settings.innerPortOffset).cassandra)],
    localDataCenter: DATA_CENTER,
    keyspace: role,
    username: role,
    password: rolePasswords[role],
  });

  const { currency } = settings;
  if (products > 0) {
    await showing('products', products, (onProgress) =>
      seedCatalogue({ ...account('product'), products, seed, currency, onProgress }),
    );
  }
  if (users > 0) {
    await showing('shoppers', users, (onProgress) => seedUsers({ ...account('users'), users, onProgress }));
  }
}

function readNumber(option: string, text: string): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) > MOST) {
    throw new StartError(`${option} must be a whole number from 0 to ${MOST}, not ${text}.`);
  }
  return Number(text);
}

async function showing(
  what: string,
  total: number,
  work: (onProgress: (done: number, total: number) => void) => Promise<void>,
): Promise<void> {
  const terminal = createTerminal();
  const startedAt = Date.now();
  try {
    terminal.show({ kind: 'began', step: what, text: `Making ${what}` });
    await work((done, of) => terminal.show({ kind: 'advanced', step: what, done, total: of }));
    const rate = Math.round((total * 1000) / Math.max(1, Date.now() - startedAt));
    terminal.show({ kind: 'done', step: what, text: `${total} ${what} are there, ${rate}/s` });
  } finally {
    terminal.close();
  }
}

function explain(cause: unknown): never {
  if (!(cause instanceof errors.NoHostAvailableError)) throw cause;
  throw new StartError(
    `Cassandra doesn't answer: start the store with npm start, and seed it while it is running. (${cause.message})`,
    { cause },
  );
}

await runCommand({ help: HELP, options: OPTIONS }, (values) => main(values).catch(explain));
