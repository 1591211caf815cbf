import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { SERVICE_NAMES, type ServiceName } from '#platform/service-names.ts';
import type { Sent } from '../../src/shop-client.ts';

/** The parts of a JSON schema that are read here. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly $ref?: string;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
}

export interface Operation {
  /** As documented: `GET /api/v1/products/{id}`. */
  readonly name: string;
  readonly service: ServiceName;
  readonly method: Sent['method'];
  readonly path: string;
  /** Between services; all others are public. */
  readonly isInternal: boolean;
  /** The accepted kinds of authorization, one at a time: `user`, `guest` or `service`; `none` if it may be left out. */
  readonly security: readonly string[];
  readonly parameters: readonly Parameter[];
  /** Of a JSON body, with references resolved one level at a time by `resolve`. */
  readonly body: Schema | undefined;
  resolve(schema: Schema): Schema;
  /** Whether the schema accepts a body; a service may refuse it for other reasons. */
  allows(body: unknown): boolean;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>;
  readonly components: { readonly schemas?: Readonly<Record<string, Schema>> };
}

interface DocumentedOperation {
  readonly security?: readonly object[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
}

const REFERENCE = '#/components/schemas/';

/** Every operation in the store's documents; one that several services serve comes once for each. */
export async function readOperations(baseUrl: string): Promise<Operation[]> {
  const lists = await Promise.all(
    SERVICE_NAMES.map(async (service) => {
      const response = await fetch(`${baseUrl}/openapi/${service}.json`);
      return listOperations(service, (await response.json()) as Document);
    }),
  );
  return lists.flat();
}

function listOperations(service: ServiceName, document: Document): Operation[] {
  const ajv = new Ajv2020({ strict: false, logger: false });
  addFormats.default(ajv);
  ajv.addSchema(document, 'document');
  const resolve = (schema: Schema): Schema =>
    schema.$ref === undefined ? schema : (document.components.schemas?.[schema.$ref.slice(REFERENCE.length)] ?? {});

  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { security = [], parameters = [], requestBody }]) => {
      const pointer = ['paths', path, method, 'requestBody', 'content', 'application/json', 'schema']
        .map((token) => encodeURIComponent(token.replaceAll('/', '~1')))
        .join('/');
      let validate: ValidateFunction | undefined;
      return {
        name: `${method.toUpperCase()} ${path}`,
        service,
        method: method.toUpperCase() as Sent['method'],
        path,
        isInternal: path.startsWith('/internal/'),
        security: security.map((scheme) => Object.keys(scheme)[0] ?? 'none'),
        parameters,
        body: requestBody?.content['application/json']?.schema,
        resolve,
        allows(body) {
          validate ??= ajv.compile({ $ref: `document#/${pointer}` });
          return validate(body);
        },
      };
    }),
  );
}
