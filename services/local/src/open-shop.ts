import path from 'node:path';
import { throughOutages } from '#platform/through-outages.ts';
import { ensureFirstAdmin } from './first-admin.ts';
import { readPrivately, writePrivately } from './secrets.ts';
import { seedCatalogue } from './seed/catalogue.ts';
import { selfCheckPurchase } from './self-check.ts';
import type { StoreSettings } from './settings.ts';
import type { StoreEvent } from './store/start-context.ts';
import { type StartOptions, type Store, startStore } from './store.ts';

export interface OpenShop {
  /** The first admin was made by this start. */
  readonly adminIsNew: boolean;
}

/**
 * Makes a shop of a running store: the first admin, the products of the first start, and one purchase through the front door that
 * shows that it sells. What was cut off is finished by the next start.
 */
export async function openShop(
  store: Store,
  settings: StoreSettings,
  onProgress: (event: StoreEvent) => void,
): Promise<OpenShop> {
  const admin = {
    email: settings.adminEmail,
    password: settings.adminPassword ?? store.secrets.adminPassword,
    bcryptCost: settings.bcryptCost,
    keyspacePrefix: settings.keyspacePrefix,
  };
  const adminIsNew = await throughOutages(() => ensureFirstAdmin(store, admin));
  await ensureProducts(store, settings, onProgress);

  onProgress({ kind: 'began', step: 'self-check', text: 'Buying something, as a check' });
  const bought = await selfCheckPurchase(store.baseUrl);
  onProgress({ kind: 'done', step: 'self-check', text: bought });
  return { adminIsNew };
}

/** Starts a store and makes a shop of it, as `startStore` and `openShop` do; nothing is left running when either can't. */
export async function startShop(settings: StoreSettings, options: Required<StartOptions>): Promise<Store> {
  const store = await startStore(settings, options);
  try {
    await openShop(store, settings, options.onProgress);
    options.signal.throwIfAborted();
    return store;
  } catch (error) {
    await store.stop();
    throw error;
  }
}

/** Seeds up to the wanted number, once: what the shop did with its products since then stays. */
export async function ensureProducts(
  store: Pick<Store, 'dataDir' | 'cluster' | 'secrets'>,
  settings: StoreSettings,
  onProgress: (event: StoreEvent) => void,
): Promise<void> {
  const file = path.join(store.dataDir, 'seeded.json');
  const before = await readPrivately<{ readonly products: number }>(file);
  const products = settings.seedProducts;
  if (products <= (before.products ?? 0)) return;

  const role = `${settings.keyspacePrefix ?? ''}product`;
  onProgress({ kind: 'began', step: 'seed', text: 'Making products' });
  await seedCatalogue({
    ...store.cluster,
    keyspace: role,
    username: role,
    password: store.secrets.rolePasswords.product,
    products,
    currency: settings.currency,
    onProgress: (done, total) => onProgress({ kind: 'advanced', step: 'seed', done, total }),
  });
  await writePrivately(file, { products });
  onProgress({ kind: 'done', step: 'seed', text: `${products} products are there` });
}
