import type { ContractCheck, Operation } from '../contract-check.ts';
import type { Answer, Sent, Shop } from '../shop-client.ts';

/** The result of one request of the walk, or of another check. */
export interface Result {
  readonly service: string;
  readonly method: string;
  readonly path: string;
  /** Undefined when nothing was sent, or nothing came back. */
  readonly status?: number | undefined;
  readonly ms?: number | undefined;
  /** What was wrong, one sentence each. */
  readonly faults: readonly string[];
}

/** One request of the walk; later steps use what it learns. */
export interface Step<Walk> {
  /** Method and path as documented, e.g. `GET /api/v1/products/{id}`. */
  readonly operation: string;
  readonly statuses: readonly number[];
  /** Throws an Error that names what an earlier failure left missing. */
  request(walk: Walk): Sent;
  learn?(answer: Answer, walk: Walk): void;
}

export interface WalkParts<Walk> {
  readonly shop: Pick<Shop, 'send'>;
  readonly contract: ContractCheck;
  readonly steps: readonly Step<Walk>[];
  /** What is known before the first step. */
  readonly start: Walk;
  onResult(result: Result): void;
}

/**
 * Takes the steps in order and checks each answer against the documents. An operation without a step, and a step without an operation, are
 * faults. Also tries what needs a token without one, and every internal operation from outside.
 */
export async function walkOperations<Walk>({ shop, contract, steps, start, onResult }: WalkParts<Walk>): Promise<void> {
  const operations = new Map(contract.operations.map((operation) => [nameOf(operation), operation]));
  const isPublic = ({ path }: Operation) => !path.startsWith('/internal/');

  for (const step of steps) onResult(await take(step));
  const walked = new Set(steps.map(({ operation }) => operation));
  for (const operation of contract.operations.filter(isPublic)) {
    if (!walked.has(nameOf(operation))) onResult({ ...operation, faults: ['no smoke step calls this endpoint'] });
  }
  for (const operation of contract.operations.filter((each) => !isPublic(each)))
    onResult(await tryFromOutside(operation));

  async function take(step: Step<Walk>): Promise<Result> {
    const [method = '', path = ''] = step.operation.split(' ');
    const operation = operations.get(step.operation);
    const row = { service: operation?.service ?? '?', method, path };
    if (!operation) return { ...row, faults: ['no service documents this endpoint'] };
    try {
      const request = step.request(start);
      const refusal = operation.needsToken ? await faultsWithoutToken(request) : [];
      const answer = await shop.send(request);
      const faults = [...refusal, ...faultsOfStatus(answer, step.statuses), ...contract.faultsOf(answer)];
      if (step.statuses.includes(answer.status)) faults.push(...learnFrom(answer, step));
      return { ...row, status: answer.status, ms: answer.ms, faults };
    } catch (error) {
      return { ...row, faults: [describe(error)] };
    }
  }

  function learnFrom(answer: Answer, step: Step<Walk>): string[] {
    try {
      step.learn?.(answer, start);
      return [];
    } catch (error) {
      return [describe(error)];
    }
  }

  async function faultsWithoutToken(request: Sent): Promise<string[]> {
    const { 'x-cart-token': _, ...headers } = request.headers ?? {};
    const answer = await shop.send({ ...request, token: undefined, headers });
    const faults = [...faultsOfStatus(answer, [401]), ...contract.faultsOf(answer)];
    return faults.map((fault) => `without a token: ${fault}`);
  }

  async function tryFromOutside({ service, method, path }: Operation): Promise<Result> {
    const row = { service, method, path };
    try {
      const sent = { method: method as Sent['method'], path: path.replaceAll(/\{\w+\}/g, crypto.randomUUID()) };
      const answer = await shop.send(method === 'GET' ? sent : { ...sent, body: {} });
      return { ...row, status: answer.status, ms: answer.ms, faults: faultsOfStatus(answer, [404]) };
    } catch (error) {
      return { ...row, faults: [describe(error)] };
    }
  }
}

export function faultsOfStatus({ status, body }: Answer, expected: readonly number[]): string[] {
  if (expected.includes(status)) return [];
  const { code, detail } = (body ?? {}) as { code?: string; detail?: string };
  const why = code === undefined ? '' : ` (${code}: ${detail})`;
  return [`${status}${why} instead of ${expected.join(' or ')}`];
}

export function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function nameOf({ method, path }: Operation): string {
  return `${method} ${path}`;
}
