import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { badInputs } from './abuse/bad-inputs.ts';
import { betweenServices } from './abuse/between-services.ts';
import { canaries } from './abuse/canaries.ts';
import { forgedTokens } from './abuse/forged-tokens.ts';
import { massAssignment } from './abuse/mass-assignment.ts';
import { type Scene, setScene } from './abuse/scene.ts';
import { schemathesis } from './abuse/schemathesis.ts';
import { whoMay } from './abuse/who-may.ts';
import { backup } from './backup.ts';
import { catalogueWalk } from './catalogue-walk.ts';
import { docs } from './docs.ts';
import { faults } from './faults.ts';
import { frontPage } from './front-page.ts';
import { loadTests } from './load-tests.ts';
import { pages } from './pages.ts';
import { purchases } from './purchases.ts';
import { type RunningStore, startRunningStore } from './running-store.ts';
import { swagger } from './swagger.ts';

let running: RunningStore;

before(async () => {
  running = await startRunningStore();
});
after(() => running?.stop());

describe('purchases', () => purchases(() => running));
describe('examples of the pages', () => docs(() => running));
describe('pages in a browser', () => pages(() => running));
describe('front page', () => frontPage(() => running));
describe('Swagger', () => swagger(() => running));
describe('catalogue walk', () => catalogueWalk(() => running));
describe('npm run load', () => loadTests(() => running));
describe('abuse', () => {
  let scene: Scene;
  before(async () => {
    scene = await setScene(running);
  });
  for (const abuse of [forgedTokens, whoMay, betweenServices, massAssignment, badInputs, canaries, schemathesis])
    abuse(
      () => running,
      () => scene,
    );
});
describe('faults', () => faults(() => running));
// Last, since it destroys the store.
describe('backup', () => backup(() => running));

test('every response to these tests was as the OpenAPI documents say', () => {
  assert.deepEqual([...new Set(running.brokenPromises)], []);
});
