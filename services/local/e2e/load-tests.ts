import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { REPORTS } from '../src/data-dir.ts';
import { spawnLoad } from './running-load.ts';
import type { RunningStore } from './running-store.ts';

interface Summary {
  readonly metrics: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** `npm run load` by k6, on a store that runs. */
export function loadTests(running: () => RunningStore): void {
  async function load(...args: string[]): Promise<{ code: number; said: string }> {
    const child = spawnLoad(running(), ...args);
    const streams = [child.stdout, child.stderr].map((stream) => text(stream as NonNullable<typeof stream>));
    const [code] = (await once(child, 'close')) as [number];
    return { code, said: (await Promise.all(streams)).join('') };
  }

  function summaryOf(scenario: string): Summary {
    const reports = path.join(running().store.dataDir, REPORTS);
    const [file, ...others] = readdirSync(reports).filter(
      (name) => name.startsWith(scenario) && name.endsWith('.json'),
    );
    assert.ok(file && others.length === 0, `${others.length + 1} reports of ${scenario}`);
    return JSON.parse(readFileSync(path.join(reports, file), 'utf8'));
  }

  test('one of each goes well, and is reported', async () => {
    const { code, said } = await load('smoke');
    assert.equal(code, 0, said);
    const { iterations, checks } = summaryOf('smoke').metrics;
    assert.equal(iterations?.count, 3);
    assert.equal(checks?.fails, 0);
    assert.ok((checks?.passes ?? 0) > 20, `${checks?.passes} checks`);
  });

  test('many who want few pieces at once get them once, as the audit says', async () => {
    const { code, said } = await load('flash-sale', '--users', '60');
    assert.equal(code, 0, said);
    const { iterations, orders } = summaryOf('flash-sale').metrics;
    assert.equal(iterations?.count, 300);
    assert.ok((orders?.count ?? 0) >= 200, `${orders?.count} orders`);
    assert.match(said, /^No violations\.$/m);
  });

  test('a scenario that is not there is named together with those that are', async () => {
    const { code, said } = await load('sopppers');
    assert.equal(code, 1);
    assert.match(said, /sopppers.*smoke, shoppers/);
  });
}
