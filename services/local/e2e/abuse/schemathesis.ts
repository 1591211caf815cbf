import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import pLimit from 'p-limit';
import { SERVICE_NAMES } from '#platform/service-names.ts';
import { ensureSchemathesis, runSchemathesis } from '../../test-support/schemathesis/schemathesis.ts';
import type { RunningStore } from '../running-store.ts';
import type { Scene } from './scene.ts';

const SEED = 20_261_121;
const EXAMPLES = 12;
const LEAST_CASES = 2000;
/** Two documents keep two cores busy. */
const AT_ONCE = 2;
/** How often an existing thing is requested rather than an invented one. */
const PROBABILITY = 0.6;

/** Statuses that Schemathesis wouldn't accept: a missing If-Match is 428, and Nginx itself refuses a long URL. */
const EXPECTED = `
[generation]
database = "none"

[checks.missing_required_header]
expected-statuses = [400, 401, 403, 404, 415, 428]

[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 409, 412, 413, 414, 415, 422, 428, 429]
`;

/** Cases that nobody thought of, generated from the documents, for every public operation. */
export function schemathesis(running: () => RunningStore, scene: () => Scene): void {
  test(`Schemathesis finds no fault in at least ${LEAST_CASES} cases, as a user and as an admin`, async (context) => {
    await ensureSchemathesis();
    const { people, operations } = scene();
    const { store } = running();
    const folder = join(store.dataDir, 'schemathesis');
    await mkdir(folder, { recursive: true });
    const user = await people.newMember();
    const configFile = join(folder, 'schemathesis.toml');
    await writeFile(configFile, await describeThings(user.token));

    const callers = { user: user.token, admin: people.admin.token };
    // Ordered by role, so that two runs at once never hit the same service, where they could disturb each other.
    const runs = Object.entries(callers).flatMap(([role, token]) =>
      SERVICE_NAMES.map((service) => ({ service, role, token })),
    );
    const reports = await pLimit(AT_ONCE).map(runs, async ({ service, role, token }) => {
      const report = await runSchemathesis({
        document: `${store.baseUrl}/openapi/${service}.json`,
        baseUrl: store.baseUrl,
        headers: { Authorization: `Bearer ${token}` },
        configFile,
        reportFile: join(folder, `${service}-${role}.json`),
        seed: SEED,
        examples: EXAMPLES,
        excludedPaths: '^/internal/',
      });
      return { service, role, ...report };
    });

    for (const { service, role, failures, errors, warnings, output } of reports) {
      const found = failures.length + errors.length + warnings.unsupported_regex.length;
      assert.equal(found, 0, `${service} as ${role}:\n${output.slice(-20_000)}`);
    }
    for (const report of reports) {
      const documented = operations.filter((each) => each.service === report.service && !each.isInternal).length;
      assert.ok(report.complete, report.service);
      assert.equal(report.operations.tested, documented, report.service);
    }
    const cases = reports.reduce((sum, { test_cases }) => sum + test_cases.generated, 0);
    assert.ok(cases >= LEAST_CASES, `${cases} cases`);
    context.diagnostic(`${cases} cases`);
  });

  /** Ids of existing things, so that not every response is a 404. */
  async function describeThings(token: string): Promise<string> {
    const { people } = scene();
    const products = await times(4, async () => (await people.newProduct(10_000)).id);
    const orders = await times(4, async () => (await people.newOrder({ token })).id);
    const members = await times(2, async () => (await people.newMember()).userId);
    const carts = await times(3, () => people.newGuestCart());
    const categories = await times(3, async () => (await people.newCategory()).slug);
    const things = { products, orders, members, carts, categories, tags: ['"1"', '*', '"2"'] };
    const dictionaries = Object.entries(things).map(
      ([name, values]) => `[dictionaries.${name}]\nvalues = ${JSON.stringify(values)}\n`,
    );
    const bind = (name: string, dictionary: keyof typeof things) =>
      `"${name}" = { dictionary = "${dictionary}", probability = ${PROBABILITY} }`;
    const ids = { products: '^/api/v1/products/', orders: '^/api/v1/orders/', members: '^/api/v1/users/' } as const;
    const ofPaths = Object.entries(ids).map(
      ([dictionary, path]) =>
        `[[operations]]\ninclude-path-regex = "${path}"\nparameters = { ${bind('path.id', dictionary as keyof typeof ids)} }\n`,
    );
    return [
      '[parameters]',
      bind('path.productId', 'products'),
      bind('body.productId', 'products'),
      bind('path.slug', 'categories'),
      bind('body.category', 'categories'),
      bind('body.cartToken', 'carts'),
      bind('header.If-Match', 'tags'),
      '',
      ...dictionaries,
      ...ofPaths,
      EXPECTED,
    ].join('\n');
  }
}

async function times<Thing>(count: number, make: () => Promise<Thing>): Promise<Thing[]> {
  const things: Thing[] = [];
  while (things.length < count) things.push(await make());
  return things;
}
