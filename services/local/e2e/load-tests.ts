import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { REPORTS } from '../src/data-dir.ts';
import { freeze } from '../src/freeze.ts';
import { eventually } from '../test-support/eventually.ts';
import { spawnLoad } from './running-load.ts';
import type { RunningStore } from './running-store.ts';

/** k6's exit code when a threshold was missed. */
const MISSED = 99;

interface Summary {
  readonly metrics: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** `npm run load`, with k6, on a running store. */
export function loadTests(running: () => RunningStore): void {
  async function load(...args: string[]): Promise<{ code: number; said: string }> {
    return ended(spawnLoad(running(), ...args));
  }

  async function ended(child: ChildProcess): Promise<{ code: number; said: string }> {
    const streams = [child.stdout, child.stderr].map((stream) => text(stream as NonNullable<typeof stream>));
    const [code] = (await once(child, 'close')) as [number];
    return { code, said: (await Promise.all(streams)).join('') };
  }

  const folder = () => path.join(running().store.dataDir, REPORTS);
  const reportsOf = (scenario: string) => readdirSync(folder()).filter((name) => name.startsWith(scenario));

  function summaryOf(scenario: string): Summary {
    const [file, ...others] = reportsOf(scenario).filter((name) => name.endsWith('.json'));
    assert.ok(file && others.length === 0, `${others.length + 1} reports of ${scenario}`);
    return JSON.parse(readFileSync(path.join(folder(), file), 'utf8'));
  }

  test('a run with one iteration of each journey passes, and is reported', async () => {
    const { code, said } = await load('smoke');
    assert.equal(code, 0, said);
    const { iterations, checks } = summaryOf('smoke').metrics;
    assert.equal(iterations?.count, 3);
    assert.equal(checks?.fails, 0);
    assert.ok((checks?.passes ?? 0) > 20, `${checks?.passes} checks`);
  });

  test('many shoppers who want a few units at once get each unit once, according to the audit', async () => {
    const { code, said } = await load('flash-sale', '--users', '60');
    assert.equal(code, 0, said);
    const { iterations, orders } = summaryOf('flash-sale').metrics;
    assert.equal(iterations?.count, 300);
    assert.ok((orders?.count ?? 0) >= 200, `${orders?.count} orders`);
    assert.match(said, /^No violations\.$/m);
  });

  test('each other scenario, except for spike, which takes a minute, runs to its end and leaves a page and a summary', async () => {
    const short: readonly (readonly string[])[] = [
      ['shoppers', '--users', '5', '--rate', '5', '--duration', '3s', '--think', '0.2'],
      ['browse', '--rate', '5', '--duration', '3s', '--think', '0.2'],
      ['checkout', '--rate', '2', '--duration', '3s', '--think', '0.2'],
      ['soak', '--users', '5', '--rate', '5', '--duration', '3s', '--think', '0.2'],
      ['breakpoint', '--rate', '1', '--duration', '3s', '--think', '0.2'],
      ['catalogue-walk'],
    ];
    for (const args of short) {
      const { code, said } = await load(...args);
      assert.ok([0, MISSED].includes(code), said);
      const [name] = args as [string];
      const { metrics } = summaryOf(name);
      // Breakpoint continues until something fails.
      if (name !== 'breakpoint') assert.equal(metrics.checks?.fails, 0, `${name}: ${said}`);
      assert.ok((metrics.iterations?.count ?? 0) > 0, name);
      assert.ok(
        reportsOf(name).some((file) => file.endsWith('.html')),
        `${name} has no page`,
      );
    }
  });

  test('a single product that a single walk misses is a missed objective', async () => {
    const { store, settings } = running();
    let isSpoilt = false;
    const door = createServer(async ({ url = '/' }, response) => {
      const answer = await fetch(`${store.baseUrl}${url}`, { headers: { accept: 'application/json' } });
      let body = await answer.text();
      if (!isSpoilt && url.includes('cursor=')) {
        isSpoilt = true;
        const { data, page } = JSON.parse(body);
        body = JSON.stringify({ data: data.slice(1), page });
      }
      response.writeHead(answer.status).end(body);
    });
    await once(door.listen(0, '127.0.0.1'), 'listening');
    try {
      const { port } = door.address() as AddressInfo;
      const { code, said } = await ended(
        spawnLoad({ ...running(), settings: { ...settings, port } }, 'catalogue-walk'),
      );
      assert.equal(code, MISSED, said);
      assert.match(said, /✗ 'rate==1'/);
    } finally {
      door.close();
    }
  });

  test('a missed objective is its exit code', async () => {
    const { cassandra } = running().store;
    assert.ok(cassandra);
    const child = spawnLoad(running(), 'checkout', '--rate', '5', '--duration', '6s', '--think', '0.2');
    let said = '';
    child.stdout?.on('data', (chunk) => {
      said += chunk;
    });
    child.stderr?.resume();
    const ended = once(child, 'close');
    await eventually(() => /^running \(/m.test(said), Boolean, 60_000);
    const goOn = await freeze(cassandra.pid);
    await sleep(2000);
    await goOn();
    const [code] = await ended;
    assert.equal(code, MISSED, said);
  });

  test('an unknown scenario is named together with those that exist', async () => {
    const { code, said } = await load('sopppers');
    assert.equal(code, 1);
    assert.match(said, /sopppers.*smoke, shoppers/);
  });
}
