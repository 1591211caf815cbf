import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { findNginx, gatewayArguments } from '../../../../nginx/gateway.ts';
import { launch, type Running } from '../../src/running.ts';
import { V8_FLAGS } from '../../src/store/services.ts';
import type { Store } from '../../src/store.ts';

/** A process to compare the store with. */
export interface BareProcess {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

interface Place {
  readonly folder: string;
  readonly port: number;
}

/** Express and the driver on the store's own tables, with the same Node.js flags as a service. */
export function startBareExpress(store: Store, currency: string, { folder, port }: Place): Promise<BareProcess> {
  const { username, password } = store.cassandraAdmin;
  const url = `http://127.0.0.1:${port}`;
  return start(url, {
    name: 'bare-express',
    command: process.execPath,
    args: [...V8_FLAGS, path.join(import.meta.dirname, 'express.ts')],
    env: {
      PATH: process.env.PATH ?? '',
      NODE_ENV: 'production',
      PORT: String(port),
      CONTACT_POINT: store.contactPoint,
      DATA_CENTER: store.cluster.localDataCenter,
      USERNAME: username,
      PASSWORD: password,
      CURRENCY: currency,
    },
    folder,
    isReady: () => answers(`${url}/list`),
  });
}

/** An Nginx with its default settings, which log each request, serving `files` (content by path). */
export async function startBareNginx(files: Readonly<Record<string, string>>, place: Place): Promise<BareProcess> {
  const { folder, port } = place;
  const inFolder = (name: string) => path.join(folder, name);
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(inFolder(`files/${name}`)), { recursive: true });
    await writeFile(inFolder(`files/${name}`), content);
  }
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `  ${kind}_temp_path "${inFolder(kind)}";\n`,
  );
  const configuration = `worker_processes 2;
pid "${inFolder('nginx.pid')}";
events {
}
http {
  access_log "${inFolder('access.log')}";
  sendfile on;
  keepalive_requests 1000000;
${temporary.join('')}  server {
    listen 127.0.0.1:${port};
    default_type application/json;
    root "${inFolder('files')}";
  }
}
`;
  await writeFile(inFolder('nginx.conf'), configuration);
  const url = `http://127.0.0.1:${port}`;
  return start(url, {
    name: 'bare-nginx',
    command: findNginx() ?? 'nginx',
    args: gatewayArguments(inFolder('nginx.conf')),
    env: { PATH: process.env.PATH ?? '' },
    folder,
    isReady: () => answers(`${url}${Object.keys(files)[0]}`),
  });
}

async function start(url: string, plan: Omit<Parameters<typeof launch>[0], Common>): Promise<BareProcess> {
  const logFile = path.join(plan.folder, `${plan.name}.log`);
  const rest = { readyTimeoutMs: 20_000, stopSignal: 'SIGTERM', stopTimeoutMs: 5000 } as const;
  await mkdir(plan.folder, { recursive: true });
  const running: Running = await launch({ ...plan, ...rest, logFile });
  await running.ready;
  return { url, pid: running.pid, stop: running.stop };
}

type Common = 'logFile' | 'readyTimeoutMs' | 'stopSignal' | 'stopTimeoutMs';

async function answers(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}
