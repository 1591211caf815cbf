import { ensureFirstAdmin } from './first-admin.ts';
import type { StoreSettings } from './settings.ts';
import type { Store, StoreEvent } from './store.ts';

export interface OpenShop {
  /** The first admin was made by this start. */
  readonly adminIsNew: boolean;
}

/** Makes a shop of a running store: all that a start does through its databases and its door. Each part may be repeated. */
export async function openShop(
  store: Store,
  settings: StoreSettings,
  onProgress: (event: StoreEvent) => void,
): Promise<OpenShop> {
  onProgress({ kind: 'began', step: 'admin', text: 'First admin' });
  const adminIsNew = await ensureFirstAdmin(store, {
    email: settings.adminEmail,
    password: settings.adminPassword ?? store.secrets.adminPassword,
    bcryptCost: settings.bcryptCost,
    keyspacePrefix: settings.keyspacePrefix,
  });
  onProgress({
    kind: 'done',
    step: 'admin',
    text: adminIsNew ? 'The first admin is made' : 'The first admin is there',
  });
  return { adminIsNew };
}
