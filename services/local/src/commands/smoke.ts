import { createContractCheck } from '../contract-check.ts';
import { runCommand } from '../run-command.ts';
import { readSecrets } from '../secrets.ts';
import { readSettings, type StoreSettings, storeUrl } from '../settings.ts';
import { createShop, newAccount } from '../shop-client.ts';
import { faultsOfMemory, measureMemory, type ProcessMemory, sumOf, toMb } from '../smoke/memory.ts';
import { STEPS } from '../smoke/steps.ts';
import { probeSystem } from '../smoke/system.ts';
import { type Result, walkOperations } from '../smoke/walk.ts';
import { StartError } from '../start-error.ts';
import { toTable } from '../table.ts';

const HELP = `npm run smoke: calls every endpoint of every service of a running store through Nginx, as a shopper and as an admin, and checks the status
and body of each response against the OpenAPI documents. Then measures the memory of the store's processes.

  --url <url>   the store (http://HOST:PORT)

HOST, PORT, DATA_DIR, ADMIN_EMAIL and ADMIN_PASSWORD are read as by \`npm start\`. Exits with 1 when anything is wrong.
`;

export interface SmokeReport {
  readonly results: readonly Result[];
  /** Undefined if no store is running in the data folder. */
  readonly memory: readonly ProcessMemory[] | undefined;
  readonly passed: number;
  readonly failed: number;
}

export interface SmokeOptions {
  readonly baseUrl: string;
  readonly dataDir: string;
  readonly admin: { readonly email: string; readonly password: string } | undefined;
}

/** Checks the whole store at `baseUrl`; throws StartError if none answers there. */
export async function smokeStore({ baseUrl, dataDir, admin }: SmokeOptions): Promise<SmokeReport> {
  const contract = await createContractCheck(baseUrl).catch((cause: unknown) => {
    throw new StartError(
      `No store answers at ${baseUrl}. Start one with \`npm start\`, and use the same PORT here, or --url.`,
      { cause },
    );
  });
  const shop = createShop(baseUrl);
  const results: Result[] = [];
  const onResult = (result: Result) => void results.push(result);
  try {
    await probeSystem(shop, onResult);
    await walkOperations({ shop, contract, steps: STEPS, start: { account: newAccount('smoke'), admin }, onResult });
  } finally {
    await shop.close();
  }
  const memory = await measureMemory(dataDir);
  if (memory) results.push({ service: 'store', method: '–', path: 'memory', faults: faultsOfMemory(memory) });
  const failed = results.filter(({ faults }) => faults.length > 0).length;
  return { results, memory, passed: results.length - failed, failed };
}

/** The report for people, in lines; the last one has the counts. */
export function describeSmoke({ results, memory, passed, failed }: SmokeReport): string[] {
  const rows = results.map(({ service, method, path: where, status = '–', ms, faults }) => [
    service,
    method,
    where,
    status,
    ms === undefined ? '–' : Math.round(ms),
    faults.length === 0 ? 'ok' : `✗ ${faults.join('; ')}`,
  ]);
  const lines = toTable(['service', 'method', 'path', 'status', 'ms', ''], rows);
  if (memory) {
    const sizes = memory.map(({ name, bytes }) => [name, toMb(bytes)]);
    lines.push('', ...toTable(['process', 'memory (RSS)'], [...sizes, ['all', toMb(sumOf(memory))]]));
  } else {
    lines.push('', 'Memory was not measured: no store is running in DATA_DIR.');
  }
  return [...lines, '', `${passed} passed, ${failed} failed`];
}

async function findAdmin(settings: StoreSettings): Promise<SmokeOptions['admin']> {
  const password = settings.adminPassword ?? (await readSecrets(settings.dataDir)).adminPassword;
  return password === undefined ? undefined : { email: settings.adminEmail, password };
}

async function main({ url }: { url?: string }): Promise<number> {
  const settings = readSettings(process.env);
  const baseUrl = url?.replace(/\/+$/, '') ?? storeUrl(settings);
  const report = await smokeStore({ baseUrl, dataDir: settings.dataDir, admin: await findAdmin(settings) });
  console.log(describeSmoke(report).join('\n'));
  return report.failed > 0 ? 1 : 0;
}

if (import.meta.main) await runCommand({ help: HELP, options: { url: { type: 'string' } } }, main);
