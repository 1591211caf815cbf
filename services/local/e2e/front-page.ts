import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { SERVICE_NAMES } from '#platform/service-names.ts';
import { ensureDocs } from '../src/docs-pages.ts';
import { startBrowser, type TestBrowser } from '../test-support/browser.ts';
import type { RunningStore } from './running-store.ts';

/** ms; the slower the count, the longer it is reused, and this machine may be busy. */
const COUNTED_WITHIN = 60_000;
const PHONE = { width: 360, height: 740 };

/** What `GET /` shows to people, and returns to programs. */
export function frontPage(running: () => RunningStore): void {
  let browser: TestBrowser;
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${running().store.baseUrl}${path}`, { headers });

  before(async () => {
    browser = await startBrowser();
    await ensureDocs();
  });
  after(() => browser?.stop());

  test('the front page shows the health of each part and the number of products, and breaks no content policy', async () => {
    const page = await browser.newPage();
    await page.goto(running().store.baseUrl);
    await page.getByText('All is well').waitFor();
    const parts = await page.locator('#parts li').allTextContents();
    assert.deepEqual(parts.map((text) => text.split(' ')[0]).sort(), [...SERVICE_NAMES, 'database'].sort());
    const { products } = (await (await get('/front-page.json')).json()) as { products: number };
    await page.getByText(products.toLocaleString('en'), { exact: true }).waitFor();
    assert.deepEqual(browser.complaints, []);
  });

  test('the number of products is updated while the page is open', async () => {
    const page = await browser.newPage();
    await page.goto(running().store.baseUrl);
    const shown = page.locator('#products');
    await page.locator('#products', { hasText: /\d/ }).waitFor();
    const before = Number((await shown.textContent())?.replaceAll(',', ''));
    await running().catalogue.addProducts([{}, {}, {}]);
    await page.getByText((before + 3).toLocaleString('en'), { exact: true }).waitFor({ timeout: COUNTED_WITHIN });
  });

  test('the command that it offers works unchanged', async () => {
    const page = await browser.newPage();
    await page.goto(running().store.baseUrl);
    const command = (await page.locator('#command').textContent()) ?? '';
    assert.match(command, /^curl /);
    const { stdout } = await promisify(execFile)('bash', ['-c', command]);
    assert.equal(JSON.parse(stdout).data.length, 3);
  });

  test('every link works, including those for programs', async () => {
    const page = await browser.newPage();
    await page.goto(running().store.baseUrl);
    const shown = await page.locator('a').evaluateAll((links) => links.map((link) => link.getAttribute('href') ?? ''));
    const told = (await (await get('/', { accept: 'application/json' })).json()) as { links: Record<string, string> };
    assert.ok(shown.length > 5);
    for (const link of new Set([...shown, ...Object.values(told.links)]))
      assert.equal((await get(link)).status, 200, link);
  });

  test('it fits on a phone', async () => {
    const page = await browser.newPage({ viewport: PHONE });
    await page.goto(running().store.baseUrl);
    await page.getByText('All is well').waitFor();
    assert.ok((await page.evaluate<number>('document.documentElement.scrollWidth')) <= PHONE.width);
  });

  test('it is HTML unless JSON is requested', async () => {
    for (const accept of ['text/html,application/xhtml+xml,*/*;q=0.8', '*/*', 'image/png'])
      assert.match((await get('/', { accept })).headers.get('content-type') ?? '', /^text\/html/, accept);
    const { headers } = await get('/', { accept: 'application/json' });
    assert.match(headers.get('content-type') ?? '', /^application\/json/);
    assert.match(headers.get('vary') ?? '', /Accept(,|$)/);
  });
}
