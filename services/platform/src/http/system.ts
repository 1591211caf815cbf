import { Router } from 'express';
import swaggerUi from 'swagger-ui-express';
import { frontPageRoutes } from './front-page.ts';
import type { OpenApiDocument } from './openapi.ts';

/** What the routes that every service serves need to know. */
export interface SystemParts {
  /** Base URLs of all services, by name: of each replica, or one that stands for all. */
  readonly services: Readonly<Record<string, readonly string[]>>;
  isDatabaseReachable(): Promise<boolean>;
  /** False once the service has begun to stop. */
  isAccepting(): boolean;
}

interface ServiceHealth {
  readonly status: 'ok' | 'down';
  readonly latencyMs: number;
}

const PROBE_TIMEOUT = 1000;
/** Who signs in stays so, whichever document is looked at; no document is sent elsewhere to be judged. */
const SWAGGER_OPTIONS = {
  persistAuthorization: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
};

/** Health, documents and entry page: the same in every service, so that they survive any of them. Nginx balances over all. */
export function systemRoutes(service: string, document: OpenApiDocument, parts: SystemParts): Router {
  const router = Router({ caseSensitive: true, strict: true });

  router.get('/health/liveness', (_request, response) => void response.json({ status: 'ok' }));
  router.get('/health/readiness', async (_request, response) => {
    const isReady = parts.isAccepting() && (await parts.isDatabaseReachable());
    response.status(isReady ? 200 : 503).json({ status: isReady ? 'ok' : 'down' });
  });
  router.get('/api/system/health', async (_request, response) => {
    const health = await systemHealth(parts);
    response.setHeader('Cache-Control', 'no-store');
    if (health.status === 'down') response.status(503).setHeader('Retry-After', '1');
    response.json(health);
  });

  router.get(['/openapi.json', `/openapi/${service}.json`], (_request, response) => void response.json(document));
  router.get('/swagger', (_request, response) => response.redirect(308, '/swagger/'));
  router.use(
    '/swagger/',
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

function documentUrls({ services }: SystemParts) {
  return Object.keys(services).map((name) => ({ name, url: `/openapi/${name}.json` }));
}

async function systemHealth({ services, isDatabaseReachable }: SystemParts) {
  const [database, ...probes] = await Promise.all([
    isDatabaseReachable(),
    ...Object.entries(services).map(async ([name, urls]) => [name, await probe(urls)] as const),
  ]);
  const allUp = probes.every(([, { status }]) => status === 'ok');
  return {
    status: !database ? 'down' : allUp ? 'ok' : 'degraded',
    services: Object.fromEntries(probes),
    database: { status: database ? 'ok' : 'down' },
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

async function assertReady(baseUrl: string): Promise<void> {
  const { ok } = await fetch(`${baseUrl}/health/readiness`, { signal: AbortSignal.timeout(PROBE_TIMEOUT) });
  if (!ok) throw new Error(`${baseUrl} isn't ready.`);
}
