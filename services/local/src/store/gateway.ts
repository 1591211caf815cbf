import path from 'node:path';
import { checkGateway, findNginx, gatewayArguments, renderGateway } from '../../../../nginx/gateway.ts';
import { answersOk, launch } from '../running.ts';
import { onLoopback, REPOSITORY, toAddress } from '../settings.ts';
import type { Supervised } from '../supervisor.ts';
import type { StartContext } from './start-context.ts';

/** Starts Nginx before the services. */
export async function startGateway({ settings, ports, inData, step, keep }: StartContext): Promise<Supervised> {
  const configFile = renderGateway({
    stateDir: inData('nginx'),
    accessLogs: [inData('logs/access.log')],
    errorLog: inData('logs/nginx.log'),
    listen: toAddress(settings.host, settings.port),
    statusListen: onLoopback(ports.gatewayStatus),
    servers: {
      product: ports.product.map(onLoopback),
      cart: ports.cart.map(onLoopback),
      order: ports.order.map(onLoopback),
      user: ports.user.map(onLoopback),
    },
    docsDir: path.join(REPOSITORY, 'docs/site'),
    limits: !settings.loadProfile,
    corsOrigins: settings.corsOrigins,
    trustedProxies: settings.trustedProxies,
  });
  await checkGateway(configFile);
  return step('nginx', ['Nginx: starting', 'Nginx is ready'], () =>
    keep('gateway', 'nginx', () =>
      launch({
        name: 'nginx',
        command: findNginx() ?? 'nginx',
        args: gatewayArguments(configFile),
        env: { PATH: process.env.PATH ?? '' },
        folder: inData('run/nginx'),
        logFile: inData('logs/nginx.log'),
        isReady: () => answersOk(`http://${onLoopback(ports.gatewayStatus)}/stub_status`),
        readyTimeoutMs: 10_000,
        stopSignal: 'SIGQUIT',
        stopTimeoutMs: 12_000,
      }),
    ),
  );
}
