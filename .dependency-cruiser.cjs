// Who may import whom: the rooms of docs/pages/architecture.md. `npm run check` plants a violation to test that it is still caught.
const SERVICES = '(product|cart|order|user)';

const inNoun = (file) => `^services/${SERVICES}/src/[^/]+/${file}$`;
const sameService = (file) => `^services/$1/src/[^/]+/${file}$`;
const platform = (path) => `^services/platform/src/${path}`;
const npm = (...names) => `node_modules/(@types/)?(${names.join('|')})/`;

/** Rules: types, pure functions and errors. */
const RULES =
  '[^/]+/refusals|products/product|listings/listing|categories/category|stock/(stock|head)|carts/(cart|priced-cart)|orders/order|users/(user|password|common-passwords)|sessions/session|logins/throttle';
/** Use cases with a file of their own besides `service.ts`. */
const USE_CASES = 'service|tree|undo|progress|recovery-notes|projector|projection-notes|saga-runner';
const DOMAIN = `^services/$1/src/(${RULES})\\.ts$`;
const ERRORS = platform('errors\\.ts$');

/** Files matching `from` may import what `allowed` matches, and only types from what `types` matches. */
const room = (name, comment, from, allowed, types = []) => [
  { name, comment, severity: 'error', from: { path: from }, to: { pathNot: [...allowed, ...types] } },
  ...(types.length === 0
    ? []
    : [
        {
          name: `${name}-types-only`,
          comment,
          severity: 'error',
          from: { path: from },
          to: { path: types, pathNot: allowed, dependencyTypesNot: ['type-only'] },
        },
      ]),
];

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-sibling-service',
      comment: 'Services meet only over HTTP.',
      severity: 'error',
      from: { path: `^services/${SERVICES}/src/` },
      to: { path: '^services/', pathNot: ['^services/$1/', '^services/platform/src/'] },
    },
    {
      name: 'platform-knows-no-service',
      severity: 'error',
      from: { path: '^services/platform/src/' },
      to: { path: '^(services/(?!platform/)|cassandra/|nginx/)' },
    },
    {
      name: 'express-only-in-platform-http',
      severity: 'error',
      from: { path: '^services/', pathNot: ['^services/platform/src/http/', '/test/', '^services/local/'] },
      to: { path: npm('express', 'express-prom-bundle', 'swagger-ui-express'), dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'nobody-imports-local',
      severity: 'error',
      from: { pathNot: ['^services/local/', '/test/'] },
      to: { path: '^services/local/' },
    },
    ...room(
      'domain-is-pure',
      'Types and rules see their own service’s domain and the errors. No node:, no zod, no npm.',
      `^services/${SERVICES}/src/(${RULES})\\.ts$`,
      [DOMAIN, ERRORS],
    ),
    ...room(
      'service-is-the-story',
      'Use cases see rules, limits and other use cases, and the types of repositories and clients; no HTTP, no CQL, no wire.',
      inNoun(`(${USE_CASES})\\.ts`),
      [
        DOMAIN,
        sameService(`(${USE_CASES})\\.ts`),
        ERRORS,
        platform('(keyed-limit|canonical-json|page|poller|request-context)\\.ts$'),
        npm('p-limit', 'p-queue'),
        '^(node:)?timers/promises$',
      ],
      [
        sameService('(repository|refresh-token|guest-token|password-hasher)\\.ts'),
        '^services/$1/src/clients/',
        platform('(logging|service|admin-audit/audit)\\.ts$'),
        platform('auth/'),
      ],
    ),
    ...room(
      'repository-speaks-cql',
      'Repositories see rules, platform/cassandra and errors.',
      inNoun('repository\\.ts'),
      [
        DOMAIN,
        ERRORS,
        platform('(cassandra/|auth/|(keyed-limit|page)\\.ts)'),
        npm('cassandra-driver', 'uuid'),
        '^(node:)?(timers/promises|crypto)$',
      ],
    ),
    ...room(
      'client-speaks-http',
      'Clients see zod, rules, other clients of their service, platform/client and errors.',
      `^services/${SERVICES}/src/clients/`,
      [DOMAIN, ERRORS, '^services/$1/src/clients/', platform('client/'), npm('zod', 'lru-cache')],
    ),
    ...room(
      'schema-is-the-wire',
      'Schemas see rules and zod, and the types of what they map.',
      inNoun('schema\\.ts'),
      [DOMAIN, sameService('schema\\.ts'), platform('http/(page|text)\\.ts$'), npm('zod')],
      [sameService('service\\.ts')],
    ),
    ...room(
      'routes-see-no-database',
      'Routes see schemas, platform/http and the types of use cases.',
      inNoun('routes\\.ts'),
      [DOMAIN, sameService('schema\\.ts'), platform('(http/|auth/|errors\\.ts)'), npm('zod')],
      [sameService('(service|repository|tree)\\.ts')],
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)cassandra/target/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json', '.d.ts'],
    },
  },
};
