import http from 'node:http';
import https from 'node:https';
import { type Response, Router } from 'express';
import swaggerUi from 'swagger-ui-express';
import { frontPageRoutes } from './front-page.ts';
import { refuseQuery } from './input.ts';
import type { OpenApiDocument } from './openapi.ts';
import { onlyReads } from './problem.ts';

/** What the routes that every service has in common need. */
export interface SystemParts {
  /** Base URLs of all services by name: one for each replica, or one for all of them. */
  readonly services: Readonly<Record<string, readonly string[]>>;
  isDatabaseReachable(): Promise<boolean>;
  /** False once the service has started to stop. */
  isAccepting(): boolean;
}

type Status = 'ok' | 'degraded' | 'down';

interface ServiceHealth {
  readonly status: 'ok' | 'down';
  readonly latencyMs: number;
}

const PROBE_TIMEOUT_MS = 1000;
/** A sign-in applies to all documents; none is sent elsewhere for validation. */
const SWAGGER_OPTIONS = {
  persistAuthorization: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
};

/** Health, documents and front page: the same in every service, so that they survive any of them. Nginx balances over all. */
export function systemRoutes(service: string, document: OpenApiDocument, parts: SystemParts): Router {
  const router = Router({ caseSensitive: true, strict: true });

  router.all('/health/liveness', onlyReads, (_request, response) => void response.json({ status: 'ok' }));
  router.all('/health/readiness', onlyReads, async (_request, response) => {
    const isReady = parts.isAccepting() && (await parts.isDatabaseReachable());
    sendHealth(response, { status: isReady ? 'ok' : 'down' });
  });
  router.all('/api/system/health', onlyReads, async (request, response) => {
    refuseQuery(request);
    sendHealth(response, await systemHealth(parts));
  });

  const documentPaths = ['/openapi.json', `/openapi/${service}.json`];
  router.all(documentPaths, onlyReads, (_request, response) => void response.json(document));
  router.all('/swagger', onlyReads, (_request, response) => response.redirect(308, '/swagger/'));
  router.use(
    '/swagger/',
    onlyReads,
    swaggerUi.serve,
    swaggerUi.setup(undefined, {
      explorer: true,
      customSiteTitle: 'Product Store API',
      swaggerOptions: { ...SWAGGER_OPTIONS, urls: documentUrls(parts) },
    }),
  );
  router.use(frontPageRoutes());
  return router;
}

function sendHealth(response: Response, health: { readonly status: Status }): void {
  response.setHeader('Cache-Control', 'no-store');
  if (health.status === 'down') response.status(503).setHeader('Retry-After', '1');
  response.json(health);
}

function documentUrls({ services }: SystemParts) {
  return Object.keys(services).map((name) => ({ name, url: `/openapi/${name}.json` }));
}

async function systemHealth({ services, isDatabaseReachable }: SystemParts) {
  const [isDatabaseUp, ...probes] = await Promise.all([
    isDatabaseReachable(),
    ...Object.entries(services).map(async ([name, urls]) => [name, await probe(urls)] as const),
  ]);
  const allUp = probes.every(([, { status }]) => status === 'ok');
  const status: Status = !isDatabaseUp ? 'down' : allUp ? 'ok' : 'degraded';
  return {
    status,
    services: Object.fromEntries(probes),
    database: { status: isDatabaseUp ? 'ok' : 'down' },
  };
}

/** A service is up as long as one replica is ready. */
async function probe(baseUrls: readonly string[]): Promise<ServiceHealth> {
  const startedAt = performance.now();
  const status = await Promise.any(baseUrls.map(assertReady)).then(
    () => 'ok' as const,
    () => 'down' as const,
  );
  return { status, latencyMs: Math.round(performance.now() - startedAt) };
}

/** Not with fetch: Node loads it on its first use, and it then takes 10 MB. */
function assertReady(baseUrl: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS);
    const { get } = baseUrl.startsWith('https:') ? https : http;
    const request = get(`${baseUrl}/health/readiness`, { signal }, (response) => {
      response.resume();
      if (response.statusCode === 200) resolve();
      else reject(new Error(`${baseUrl} isn't ready.`));
    });
    request.on('error', reject);
  });
}
