import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { Problem } from '../../src/shop-client.ts';
import type { RunningStore } from '../running-store.ts';
import { ROLES } from './people.ts';
import { hasRightRequest, namesWithout, rightRequest } from './right-requests.ts';
import { byService, type Scene } from './scene.ts';

/** Who may do what with whose things: every role with every operation of every document. */
export function whoMay(running: () => RunningStore, scene: () => Scene): void {
  test('every operation has its allowed roles listed here, and every operation listed exists', () => {
    const { operations } = scene();
    const unsaid = operations.filter((operation) => !operation.isInternal && !hasRightRequest(operation));
    assert.deepEqual(
      unsaid.map(({ name }) => name),
      [],
    );
    assert.deepEqual(namesWithout(operations), []);
  });

  for (const role of ROLES) {
    test(`as ${role}, every operation returns exactly what that role may have`, async (context) => {
      const { people, operations } = scene();
      const { shop } = running();
      const wrong: string[] = [];
      const asked = operations.filter((operation) => !operation.isInternal && hasRightRequest(operation));
      await byService(asked, async (operation) => {
        const { sent, expected } = await rightRequest(people, operation, role);
        const { status, body } = await shop.send(sent);
        if (!expected.includes(status)) wrong.push(`${operation.name}: ${status} ${JSON.stringify(body)}`);
      });
      assert.deepEqual(wrong, []);
      context.diagnostic(`${asked.length} operations`);
    });
  }

  test('another person’s order looks exactly like one that was never placed, whatever the operation', async () => {
    const { people, operations } = scene();
    const { shop } = running();
    const owned = operations.filter(
      ({ path, security }) => path.startsWith('/api/v1/orders/{id}') && security[0] === 'user',
    );
    assert.ok(owned.length >= 2);
    for (const operation of owned) {
      const { sent } = await rightRequest(people, operation, 'stranger');
      const others = await shop.send<Problem>(sent);
      const noOnes = await shop.send<Problem>({ ...sent, path: operation.path.replace('{id}', randomUUID()) });
      const facts = ({ body: { instance: _, requestId: __, ...rest } }: { body: Problem & Record<string, unknown> }) =>
        rest;
      assert.deepEqual(facts(others as never), facts(noOnes as never), operation.name);
    }
  });
}
