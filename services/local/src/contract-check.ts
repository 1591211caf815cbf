import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { SERVICE_NAMES } from '#platform/service-names.ts';
import type { Answer } from './shop-client.ts';

/** The parts of an OpenAPI 3.1 document that are used here. */
export interface ApiDocument {
  readonly paths?: Readonly<Record<string, Readonly<Record<string, ApiOperation>>>>;
  readonly components?: object;
}

interface ApiOperation {
  readonly summary?: string;
  readonly security?: readonly object[];
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}

/** By media type. */
type Content = Readonly<
  Record<string, { readonly schema: object; readonly examples?: Readonly<Record<string, { readonly value: object }>> }>
>;

export interface Operation {
  readonly service: string;
  /** In upper case. */
  readonly method: string;
  /** As documented, e.g. `/api/v1/products/{id}`. */
  readonly path: string;
  readonly needsToken: boolean;
}

export interface ContractCheck {
  /** Every operation of every document, in document order. */
  readonly operations: readonly Operation[];
  /** What in an answer isn't as documented, one sentence each. */
  faultsOf(answer: Answer): string[];
  /** Throws an Error that names the faults of an answer; for a shop's `onAnswer`. */
  assertKept(answer: Answer): void;
}

/** Codes for a path or a method that matches no operation, though the path may look like one's. */
const NO_OPERATION = ['not_found', 'method_not_allowed'];
/** What every service serves besides its operations. */
const SYSTEM_PATH = /^\/(?:$|\?|swagger\/|api\/system\/health|openapi\/)/;
/** Says what is down in a body of its own, not as a problem. */
const HEALTH_PATH = '/api/system/health';
const PROBLEM_TYPE = 'application/problem+json';

/** Reads the OpenAPI documents of all services through Nginx, to check answers against. */
export async function createContractCheck(baseUrl: string): Promise<ContractCheck> {
  const documents = await Promise.all(
    SERVICE_NAMES.map(async (service) => {
      const response = await fetch(`${baseUrl}/openapi/${service}.json`);
      if (!response.ok) throw new Error(`${baseUrl}/openapi/${service}.json gave ${response.status}.`);
      return [service, (await response.json()) as ApiDocument] as const;
    }),
  );
  return createContractCheckOf(Object.fromEntries(documents));
}

/** The same for given documents, by service name. */
export function createContractCheckOf(documents: Readonly<Record<string, ApiDocument>>): ContractCheck {
  // Not strict: the schema is a whole document, so that its references resolve, and has members that aren't schema keywords.
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  const known = Object.entries(documents).flatMap(([service, document]) => listOperations(service, document));
  for (const [service, document] of Object.entries(documents)) ajv.addSchema(document, `${service}.json`);
  const validators = new Map<string, ValidateFunction>();

  function validatorOf(service: string, ...pointer: readonly string[]): ValidateFunction {
    const reference = `${service}.json#/${pointer.map(toPointerToken).join('/')}`;
    const validate = validators.get(reference) ?? ajv.compile({ $ref: reference });
    validators.set(reference, validate);
    return validate;
  }

  function faultsOf(answer: Answer): string[] {
    const method = answer.method === 'HEAD' ? 'GET' : answer.method;
    const operation = known.find((each) => !each.isInternal && each.method === method && each.matches(answer.path));
    const faults = faultsOfHeaders(answer);
    if (answer.status === 500) faults.push('500 is never right');
    const isWell = answer.status < 400 || (answer.status === 503 && answer.path === HEALTH_PATH);
    if (!operation && isWell && SYSTEM_PATH.test(answer.path)) return faults;
    const documented = operation?.responses[answer.status];
    if (operation && documented) return [...faults, ...faultsOfBody(answer, operation, documented.content)];
    const isRefused = operation ? answer.status === 405 : answer.status >= 400;
    if (!isRefused) faults.push(operation ? `${answer.status} isn't documented` : 'the path is in no document');
    else if (answer.method !== 'HEAD') faults.push(...faultsOfProblem(answer));
    return faults;
  }

  function faultsOfBody(answer: Answer, { service, path, method }: Operation, content: Content | undefined): string[] {
    const { status, body } = answer;
    if (answer.method === 'HEAD') return body === undefined ? [] : ['an answer to HEAD has no body'];
    if (!content) return body === undefined ? [] : [`${status} is documented without a body`];
    const type = mediaTypeOf(answer);
    const documented = content[type];
    if (!documented) return [`content type ${type || '(none)'} isn't documented for ${status}`];
    const location = ['paths', path, method.toLowerCase(), 'responses', String(status), 'content', type, 'schema'];
    const faults = schemaFaults(validatorOf(service, ...location), body);
    if (type !== PROBLEM_TYPE) return faults;
    return [...faults, ...faultsOfProblemFacts(answer), ...faultsOfCode(answer, documented)];
  }

  function faultsOfProblem(answer: Answer): string[] {
    const type = mediaTypeOf(answer);
    if (type !== PROBLEM_TYPE) return [`${answer.status} is ${type || 'without a type'}, not ${PROBLEM_TYPE}`];
    const [service] = Object.keys(documents);
    const validate = validatorOf(service ?? '', 'components', 'schemas', 'Problem');
    return [...schemaFaults(validate, answer.body), ...faultsOfProblemFacts(answer)];
  }

  return {
    operations: known.map(({ service, method, path, needsToken }) => ({ service, method, path, needsToken })),
    faultsOf,
    assertKept(answer) {
      const faults = faultsOf(answer);
      if (faults.length > 0) throw new Error(`${answer.method} ${answer.path}: ${faults.join('; ')}`);
    },
  };
}

function listOperations(service: string, { paths = {} }: ApiDocument) {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { security = [], responses }]) => {
      const pattern = new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/?]+')}(?:\\?|$)`);
      const matches = (sent: string) => pattern.test(sent);
      const needsToken = security.length > 0 && security.every((scheme) => Object.keys(scheme).length > 0);
      const isInternal = path.startsWith('/internal/');
      return { service, method: method.toUpperCase(), path, needsToken, isInternal, responses, matches };
    }),
  );
}

function faultsOfHeaders({ status, headers }: Answer): string[] {
  const needed = ['x-request-id'];
  if (status === 401) needed.push('www-authenticate');
  if (status === 405) needed.push('allow');
  if (status === 429 || status === 503) needed.push('retry-after');
  return needed.filter((name) => !headers[name]).map((name) => `${name} is missing`);
}

function faultsOfProblemFacts({ status, body, headers }: Answer): string[] {
  const problem = body as { status?: unknown; requestId?: unknown };
  const faults: string[] = [];
  if (problem.status !== status) faults.push(`the problem says ${problem.status} and the answer ${status}`);
  if (problem.requestId !== headers['x-request-id']) faults.push('requestId is not the X-Request-Id');
  return faults;
}

function schemaFaults(validate: ValidateFunction, body: unknown): string[] {
  if (validate(body)) return [];
  return (validate.errors ?? []).map(({ instancePath, message = '', params }) => {
    const extra = 'additionalProperty' in params ? ` (${params.additionalProperty})` : '';
    return `body${instancePath}: ${message}${extra}`;
  });
}

function mediaTypeOf({ headers }: Answer): string {
  return headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** A refusal is documented by its code; it has no member that its example lacks. */
function faultsOfCode({ body }: Answer, { examples = {} }: Content[string]): string[] {
  const { code } = body as { code: string };
  const example = examples[code]?.value;
  if (!example) return NO_OPERATION.includes(code) ? [] : [`${code} isn't documented`];
  const unknown = Object.keys(body as object).filter((member) => !(member in example));
  return unknown.map((member) => `no example of ${code} shows ${member}`);
}

/** A JSON pointer's token (RFC 6901) in a URI fragment. */
function toPointerToken(text: string): string {
  return encodeURIComponent(text.replaceAll('~', '~0').replaceAll('/', '~1'));
}
