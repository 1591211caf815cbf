import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { CACHE_PROBLEM, GATEWAY_PROBLEMS } from '#platform/http/documented-problems.ts';
import { SERVICE_NAMES, type ServiceName } from '#platform/service-names.ts';
import { buildDocuments } from '../src/documents.ts';
import { seedProduct } from '../src/seed/product.ts';
import { productIdOf } from '../src/seed/writer.ts';
import { REPOSITORY } from '../src/settings.ts';

interface Schema {
  readonly $ref?: string;
  readonly example?: unknown;
  readonly examples?: readonly unknown[];
}

/** The content of a request or response in one media type. */
interface Media {
  readonly schema: Schema;
  readonly examples?: Readonly<Record<string, { readonly value: { readonly code: string; readonly status: number } }>>;
}

interface Operation {
  readonly service: ServiceName;
  readonly name: string;
  readonly parameters: readonly { readonly name: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, Answer>>;
}

interface Answer {
  readonly headers?: Readonly<Record<string, { readonly schema: Schema }>>;
  readonly content?: Readonly<Record<string, Media>>;
}

const PROBLEM = 'application/problem+json';
/** The seed of every shop, and the number in it of the product that the documents show. */
const SEED = 1;
const SHOWN = 37;
const THROWN =
  /new (?:BadRequest|Conflict|Forbidden|MethodNotAllowed|NotFound|PayloadTooLarge|Precondition\w+|TooManyRequests|Un\w+)\(\s*'(\w+)'/g;

const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false });
addFormats.default(ajv);
const validators = new Map<string, ValidateFunction>();
let operations: readonly Operation[];

before(async () => {
  const documents = Object.entries(await buildDocuments());
  for (const [service, document] of documents) ajv.addSchema(document, service);
  operations = documents.flatMap(([service, { paths = {} }]) =>
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(
        ([method, operation]) => ({ parameters: [], ...operation, service, name: `${method} ${path}` }) as Operation,
      ),
    ),
  );
});

/** The example of a schema or of the one that it refers to. */
function exampleOf(service: ServiceName, schema: Schema): unknown {
  const named = schema.$ref === undefined ? schema : (ajv.getSchema(`${service}${schema.$ref}`)?.schema as Schema);
  return named.example ?? named.examples?.[0];
}

/** What is wrong with the example of a schema; empty for a valid one. */
function faultsOfExample(service: ServiceName, schema: Schema): string[] {
  const example = exampleOf(service, schema);
  if (example === undefined) return ['has no example'];
  return faultsOf(service, schema, example);
}

function faultsOf(service: ServiceName, schema: Schema, value: unknown): string[] {
  const text = JSON.stringify(schema).replaceAll('"#/components', `"${service}#/components`);
  const validate = validators.get(text) ?? ajv.compile(JSON.parse(text) as object);
  validators.set(text, validate);
  if (validate(value)) return [];
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

/** Everything that an operation takes and returns on success, each with a name for messages. */
function contentsOf({ name, parameters, requestBody, responses }: Operation): [string, Schema][] {
  const bodies = Object.values(requestBody?.content ?? {});
  return [
    ...parameters.map((parameter): [string, Schema] => [`${name} ${parameter.name}`, parameter.schema]),
    ...bodies.map(({ schema }): [string, Schema] => [`${name} body`, schema]),
    ...Object.entries(responses).flatMap(([status, { headers = {}, content = {} }]) => [
      ...Object.entries(headers).map(([header, { schema }]): [string, Schema] => [
        `${name} ${status} ${header}`,
        schema,
      ]),
      ...Object.entries(content)
        .filter(([type]) => type !== PROBLEM)
        .map(([, { schema }]): [string, Schema] => [`${name} ${status}`, schema]),
    ]),
  ];
}

/** Each documented refusal: its documented status, its code and its example. */
function refusalsOf({ responses }: Operation) {
  return Object.entries(responses).flatMap(([status, { content = {} }]) =>
    Object.entries(content[PROBLEM]?.examples ?? {}).map(([code, { value }]) => ({
      status: Number(status),
      code,
      value,
    })),
  );
}

/** The error codes in a folder's source. */
function codesIn(room: string): string[] {
  const files = globSync(`services/${room}/src/**/*.ts`, { cwd: REPOSITORY });
  const text = files.map((file) => readFileSync(join(REPOSITORY, file), 'utf8')).join('\n');
  return [...new Set([...text.matchAll(THROWN)].map(([, code]) => code as string))];
}

describe('the OpenAPI documents', () => {
  test('give an example of every parameter, body, response and header, which matches its schema', () => {
    const contents = operations.flatMap((operation) => contentsOf(operation).map((each) => ({ operation, each })));
    assert.ok(contents.length > 100, `only ${contents.length}`);
    const faults = contents.flatMap(({ operation: { service }, each: [what, schema] }) =>
      faultsOfExample(service, schema).map((fault) => `${service}: ${what}: ${fault}`),
    );
    assert.deepEqual(faults, []);
  });

  test('give an example of every refusal, which is a problem with its status and code', () => {
    const schema = { $ref: '#/components/schemas/Problem' };
    for (const operation of operations) {
      const { service, name, responses } = operation;
      for (const { status, code, value } of refusalsOf(operation)) {
        assert.deepEqual(faultsOf(service, schema, value), [], `${name} ${status} ${code}`);
        assert.deepEqual([value.status, value.code], [status, code], name);
      }
      const refused = Object.keys(responses).filter((status) => Number(status) >= 400);
      assert.deepEqual([...new Set(refusalsOf(operation).map(({ status }) => String(status)))], refused, name);
    }
  });

  test('name every error code of a service, and no others', () => {
    const gateway = [...GATEWAY_PROBLEMS, CACHE_PROBLEM].map(({ code }) => code);
    const everywhere = new Set([
      ...codesIn('platform'),
      ...gateway,
      'unauthorized',
      'validation_failed',
      'internal_error',
    ]);
    // The refusals where there is no operation.
    const nowhere = ['not_found', 'method_not_allowed'];
    for (const service of SERVICE_NAMES) {
      const own = operations.filter((operation) => operation.service === service);
      const documented = new Set(own.flatMap(refusalsOf).map(({ code }) => code));
      const thrown = codesIn(service);
      assert.deepEqual(
        [...new Set(thrown)].filter((code) => !documented.has(code)),
        [],
        `${service} throws`,
      );
      const known = new Set([...thrown, ...everywhere]);
      assert.deepEqual(
        [...documented].filter((code) => !known.has(code)),
        [],
        `${service} documents`,
      );
    }
    const told = new Set(operations.flatMap(refusalsOf).map(({ code }) => code));
    assert.deepEqual(
      [...everywhere].filter((code) => !told.has(code) && !nowhere.includes(code)),
      [],
    );
  });

  test('document the refusals of Nginx', () => {
    const texts = readFileSync(join(REPOSITORY, 'nginx/problem-texts.conf'), 'utf8');
    const [, codes = '', details = ''] = texts.split(/^map \$status /m).slice(1);
    const textOf = (block: string, status: number) => block.match(new RegExp(`^ +${status} "(.*)";$`, 'm'))?.[1];
    for (const { status, code, message } of [...GATEWAY_PROBLEMS, CACHE_PROBLEM])
      assert.deepEqual([textOf(codes, status), textOf(details, status)], [code, message]);
  });

  test('show a product that every seeded shop has, so that the examples can be tried as they are', () => {
    const { sku, name } = seedProduct(SEED, SHOWN);
    for (const [service, schema] of [
      ['product', 'Product'],
      ['cart', 'Cart'],
      ['order', 'Order'],
    ] as const) {
      const example = JSON.stringify(exampleOf(service, { $ref: `#/components/schemas/${schema}` }));
      for (const fact of [sku, name, productIdOf(sku)]) assert.ok(example.includes(fact), `${schema} without ${fact}`);
    }
  });
});
