import { SERVICE_NAMES } from '#platform/service-names.ts';
import type { Answer, Sent, Shop } from '../shop-client.ts';
import { describe, faultsOfStatus, type Result } from './walk.ts';

interface Probe {
  readonly service: string;
  readonly path: string;
  readonly status: number;
  faultsOf?(answer: Answer): string[];
}

const OPEN: readonly Probe[] = [
  { service: 'any', path: '/', status: 200, faultsOf: expectType('text/html') },
  { service: 'any', path: '/swagger/', status: 200, faultsOf: expectType('text/html') },
  { service: 'any', path: '/api/system/health', status: 200, faultsOf: faultsOfHealth },
];

/** Reachable only on a service's own port. */
const CLOSED: readonly Probe[] = [
  '/metrics',
  '/health/liveness',
  '/health/readiness',
  '/openapi.json',
  '/stub_status',
].map((path) => ({ service: 'nginx', path, status: 404, faultsOf: expectType('application/problem+json') }));

/** Checks what every service serves, and that what is internal can't be reached from outside. */
export async function probeSystem(shop: Pick<Shop, 'send'>, onResult: (result: Result) => void): Promise<void> {
  for (const { service, path, status, faultsOf } of [...OPEN, ...CLOSED]) {
    const sent: Sent = { method: 'GET', path };
    const result = await shop.send(sent).then(
      (answer) => ({
        status: answer.status,
        ms: answer.ms,
        faults: [...faultsOfStatus(answer, [status]), ...(faultsOf?.(answer) ?? [])],
      }),
      (error: unknown) => ({ faults: [describe(error)] }),
    );
    onResult({ service, ...sent, ...result });
  }
}

function expectType(type: string) {
  return ({ headers }: Answer): string[] => {
    const found = headers['content-type'] ?? 'none';
    return found.startsWith(type) ? [] : [`content type ${found} instead of ${type}`];
  };
}

function faultsOfHealth({ body }: Answer): string[] {
  const health = body as Partial<{ status: string; services: Record<string, { status: string }>; database: unknown }>;
  const faults = SERVICE_NAMES.filter((name) => health.services?.[name]?.status !== 'ok').map(
    (name) => `${name} is not ok`,
  );
  if (health.status !== 'ok') faults.push(`the store is ${health.status}`);
  if (!health.database) faults.push('the database is missing');
  return faults;
}
