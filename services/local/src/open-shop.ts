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
  /** True if this start created the first admin. */
  readonly adminIsNew: boolean;
}

/**
 * Makes a running store a shop: creates the first admin and the products of the first start, and makes one purchase through Nginx to show
 * that it sells. The next start finishes what was interrupted.
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

  onProgress({ kind: 'began', step: 'self-check', text: 'Check: buying something' });
  const bought = await selfCheckPurchase(store.baseUrl);
  onProgress({ kind: 'done', step: 'self-check', text: bought });
  return { adminIsNew };
}

/** `startStore`, then `openShop`; nothing is left running if either fails. */
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

/** Seeds the wanted number of products, once; later changes to them stay. */
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
  onProgress({ kind: 'began', step: 'seed', text: 'Products: seeding' });
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
  onProgress({ kind: 'done', step: 'seed', text: `${products} products are seeded` });
}
