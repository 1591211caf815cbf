import { after, before, describe } from 'node:test';
import { catalogueWalk } from './catalogue-walk.ts';
import { faults } from './faults.ts';
import { purchases } from './purchases.ts';
import { type RunningStore, startRunningStore } from './running-store.ts';

let running: RunningStore;

before(async () => {
  running = await startRunningStore();
});
after(() => running?.stop());

describe('purchases', () => purchases(() => running));
describe('catalogue walk', () => catalogueWalk(() => running));
describe('faults', () => faults(() => running));
