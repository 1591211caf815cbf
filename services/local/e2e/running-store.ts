import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readSigningKeys } from '#platform/auth/keys.ts';
import { issueUserToken } from '#platform/auth/user-token.ts';
import { connectDatabase, type Database } from '#platform/cassandra/database.ts';
import { silentLogger } from '#platform/logging.ts';
import { createMetrics } from '#platform/metrics.ts';
import { KEYSPACES } from '../../../cassandra/keyspaces.ts';
import { type AuditReport, auditStore } from '../src/audit/audit-store.ts';
import { createJournal, type Journal } from '../src/audit/journal.ts';
import { createContractCheck } from '../src/contract-check.ts';
import { openShop } from '../src/open-shop.ts';
import { REPOSITORY, type StoreSettings } from '../src/settings.ts';
import { type Answer, createShop, type Shop, type Shopper } from '../src/shop-client.ts';
import { DATA_CENTER } from '../src/store/database.ts';
import { type Store, startStore } from '../src/store.ts';
import { createTestCatalogue, type TestCatalogue } from '../test-support/catalogue.ts';
import { freePort } from '../test-support/free-port.ts';

export const PRODUCTS = 20_000;
/** ms between two steps of an order, short enough for a test to wait. */
const STEP = '2000';

export interface SignedIn extends Shopper {
  readonly userId: string;
}

/** The whole store, as `npm start` runs it, with what a test needs around it. */
export interface RunningStore {
  readonly store: Store;
  readonly settings: StoreSettings;
  /** Each response to it, and to the shoppers made from it, is checked against the OpenAPI documents. */
  readonly shop: Shop;
  /** Where responses so far weren't as documented, a sentence each. */
  readonly brokenPromises: readonly string[];
  /** Checks a response that another client received. */
  observe(answer: Answer): void;
  readonly catalogue: TestCatalogue;
  readonly journal: Journal;
  /** A signed-in shopper, without the wait for a password hash. */
  newShopper(): SignedIn;
  readStock(productId: string): Promise<{ available: number; reserved: number; sold: number }>;
  /** Checks the invariants, including those of what the journal says was acknowledged. */
  audit(): Promise<AuditReport>;
  /** What one of the programs in services/local/src prints about this store; rejects with its code and output when it fails. */
  command(name: string, ...args: readonly string[]): Promise<{ stdout: string; stderr: string }>;
  stop(): Promise<void>;
}

export async function startRunningStore(overrides: Partial<StoreSettings> = {}): Promise<RunningStore> {
  const settings = { ...(await newSettings()), ...overrides };
  const store = await startStore(settings);
  const killWithUs = () => {
    const { services, gateway, cassandra } = store;
    for (const process of [...Object.values(services).flat(), gateway, cassandra]) process?.kill('SIGKILL');
  };
  process.once('exit', killWithUs);
  // A signal ends a cut-off test run; without a handler 'exit' would be skipped and the store left behind.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
  const journalFile = join(settings.dataDir, 'journal.jsonl');
  const database = await connectProduct(store);
  const brokenPromises: string[] = [];
  const contract = await createContractCheck(store.baseUrl);
  const observe = (answer: Answer) => {
    const { method, path, status } = answer;
    brokenPromises.push(...contract.faultsOf(answer).map((fault) => `${method} ${path} gave ${status}: ${fault}`));
  };
  const shop = createShop(store.baseUrl, { connections: 700, timeoutMs: 15_000, onAnswer: observe });
  const [userKey] = readSigningKeys(join(store.dataDir, 'keys/user/user-keys.json'));
  try {
    await openShop(store, settings, () => undefined);
  } catch (error) {
    await store.stop();
    throw error;
  }
  return {
    store,
    settings,
    shop,
    brokenPromises,
    observe,
    catalogue: createTestCatalogue(database),
    journal: createJournal(journalFile),

    newShopper() {
      const userId = randomUUID();
      return { userId, ...shop.as(issueUserToken({ userId, sessionId: randomUUID(), role: 'user' }, userKey)) };
    },

    async readStock(productId) {
      const [row] = await database.read(
        'test.stock',
        'SELECT available, reserved, sold FROM products WHERE product_id = ? AND op_id = ?',
        [productId, '00000000-0000-0000-0000-000000000000'],
      );
      return { available: row?.available, reserved: row?.reserved, sold: Number(row?.sold) };
    },

    audit: () =>
      auditStore({
        contactPoints: [store.contactPoint],
        localDataCenter: DATA_CENTER,
        username: 'audit',
        password: store.secrets.rolePasswords.audit,
        keyspaces: KEYSPACES,
        journal: journalFile,
      }),

    command(name, ...args) {
      const env = { PATH: process.env.PATH ?? '', DATA_DIR: store.dataDir };
      return promisify(execFile)(
        process.execPath,
        [join(REPOSITORY, `services/local/src/commands/${name}.ts`), ...args],
        {
          env,
        },
      );
    },

    async stop() {
      await shop.close();
      await database.close();
      const stopped = store.stop();
      // Nobody sends requests any more, so there is no need to drain.
      for (const service of Object.values(store.services).flat()) service.kill('SIGKILL');
      await stopped;
      process.removeListener('exit', killWithUs);
      await rm(settings.dataDir, { recursive: true, force: true });
    },
  };
}

/** The violations that an audit found, as sentences. */
export function violationsOf({ checks }: AuditReport): string[] {
  return checks.flatMap(({ id, violations }) => violations.map((sentence) => `${id}: ${sentence}`));
}

async function newSettings(): Promise<StoreSettings> {
  const port = await freePort();
  return {
    dataDir: await mkdtemp(join(tmpdir(), 'store-e2e-')),
    host: '127.0.0.1',
    port,
    innerPortOffset: 21_000 + (port % 2000),
    replicas: 1,
    adminEmail: 'admin@example.com',
    adminPassword: 'an-admin-Passphrase-1',
    corsOrigins: [],
    trustedProxies: [],
    loadProfile: true,
    observe: false,
    seedProducts: PRODUCTS,
    cassandraHeapMb: 1024,
    bcryptCost: 10,
    currency: 'USD',
    logLevel: 'info',
    orderDelays: { ORDER_PROCESSING_DELAY_MS: STEP, ORDER_SHIPPED_DELAY_MS: STEP, ORDER_DELIVERED_DELAY_MS: STEP },
  };
}

function connectProduct(store: Store): Promise<Database> {
  const options = {
    contactPoints: [store.contactPoint],
    localDataCenter: DATA_CENTER,
    keyspace: 'product',
    username: 'product',
    password: store.secrets.rolePasswords.product,
  };
  return connectDatabase(options, createMetrics(), silentLogger);
}
