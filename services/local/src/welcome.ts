import path from 'node:path';
import type { OpenShop } from './open-shop.ts';
import type { StoreSettings } from './settings.ts';
import type { Store } from './store.ts';

/** The last lines of a start: where everything is, and a first purchase to paste. */
export function welcome(store: Store, settings: StoreSettings, shop: OpenShop, seconds: number): string {
  const { baseUrl } = store;
  const password = shop.adminIsNew
    ? (settings.adminPassword ?? store.secrets.adminPassword)
    : `as set at the first start (a generated one is in ${path.join(store.dataDir, 'secrets.json')})`;
  const monitoring = store.monitoring
    ? `  Prometheus  ${store.monitoring.prometheusUrl}/\n  Alerts      ${store.monitoring.alertmanagerUrl}/\n`
    : '';
  const limits = settings.loadProfile
    ? '\n  LOAD_PROFILE=1: request limits are off. Never use it for a store that others can reach.\n'
    : '';
  return `
The store is ready after ${seconds.toFixed(1)} s.

  Store       ${baseUrl}/
  API         ${baseUrl}/swagger/
  Docs        ${baseUrl}/docs/
  Health      ${baseUrl}/api/system/health
  Admin       ${settings.adminEmail}
  Password    ${password}
  Cassandra   ${store.contactPoint}
  Data, logs  ${store.dataDir}
${monitoring}${limits}
A first purchase, to paste into another terminal:

${walkThrough(baseUrl)}

Ctrl-C stops everything and keeps the data; \`npm run reset\` deletes it.
`;
}

/** Signs up, browses, fills the cart, orders, and looks at the order: each line works as it is, with only curl and node. */
function walkThrough(baseUrl: string): string {
  const pick = (expression: string) => `node -pe 'JSON.parse(require("fs").readFileSync(0)).${expression}'`;
  return `  STORE=${baseUrl}
  EMAIL="shopper-$(date +%s)@example.com"
  JSON='Content-Type: application/json'
  curl -s $STORE/api/v1/auth/register -H "$JSON" -d "{\\"email\\":\\"$EMAIL\\",\\"password\\":\\"a-fine-Passphrase-7\\",\\"name\\":\\"Sam Shopper\\"}"; echo
  TOKEN=$(curl -s $STORE/api/v1/auth/login -H "$JSON" -d "{\\"email\\":\\"$EMAIL\\",\\"password\\":\\"a-fine-Passphrase-7\\"}" | ${pick('access_token')})
  PRODUCT=$(curl -s "$STORE/api/v1/products?inStock=true&sort=price&limit=1" | ${pick('data[0].id')})
  curl -s $STORE/api/v1/products/$PRODUCT; echo
  curl -s $STORE/api/v1/cart/items -H "Authorization: Bearer $TOKEN" -H "$JSON" -d "{\\"productId\\":\\"$PRODUCT\\",\\"quantity\\":2}"; echo
  ORDER=$(curl -s $STORE/api/v1/orders -H "Authorization: Bearer $TOKEN" -H "Idempotency-Key: first-$EMAIL" -H "$JSON" -d '{"shippingAddress":{"name":"Sam Shopper","line1":"1 Main Street","city":"Springfield","postalCode":"12345","country":"US"}}' | ${pick('id')})
  for i in 1 2 3 4 5; do curl -s $STORE/api/v1/orders/$ORDER -H "Authorization: Bearer $TOKEN" | ${pick('status')}; sleep 3; done`;
}
