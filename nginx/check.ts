import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { checkGateway, renderGateway } from './gateway.ts';

/** For `npm run check`: the template as it would be started, seen by the real Nginx. */
const stateDir = await mkdtemp(path.join(tmpdir(), 'gateway-check-'));
try {
  const configFile = renderGateway({
    stateDir,
    accessLog: path.join(stateDir, 'access.log'),
    errorLog: path.join(stateDir, 'error.log'),
    listen: '127.0.0.1:8080',
    statusListen: '127.0.0.1:8081',
    servers: {
      product: ['127.0.0.1:8000'],
      cart: ['127.0.0.1:8001'],
      order: ['127.0.0.1:8002'],
      user: ['127.0.0.1:8003'],
    },
  });
  await checkGateway(configFile);
  console.log('nginx: the configuration is good.');
} finally {
  await rm(stateDir, { recursive: true });
}
