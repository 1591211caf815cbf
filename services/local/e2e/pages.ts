import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ensureDocs } from '../src/docs-pages.ts';
import { startBrowser, type TestBrowser } from '../test-support/browser.ts';
import { fencesOf, PAGES } from '../test-support/pages.ts';
import type { RunningStore } from './running-store.ts';

/** The screen of a small phone, in px. */
const PHONE = { width: 360, height: 720 };
const BUILT = PAGES.filter((page) => page.startsWith('docs/pages/'));

/** What the store serves at `/docs/`, as a reader sees it. */
export function pages(running: () => RunningStore): void {
  let browser: TestBrowser;
  const urlOf = (page: string) => {
    const path = page.replace(/^docs\/pages\//, '').replace(/\.md$/, '/');
    return `${running().store.baseUrl}/docs/${path.replace(/^index\/$/, '')}`;
  };

  before(async () => {
    await ensureDocs();
    browser = await startBrowser();
  });
  after(() => browser?.stop());

  test('the search finds a page by its words and leads there', async () => {
    const page = await browser.newPage();
    await page.goto(`${running().store.baseUrl}/docs/`);
    // The search reacts to pressed keys, not to the text.
    await page.getByRole('textbox', { name: 'Search' }).pressSequentially('power cut');
    await page.locator('.md-search-result__link', { hasText: 'A backup is what a power cut' }).first().click();
    await page.getByRole('heading', { level: 1, name: 'A backup is what a power cut would leave' }).waitFor();
    assert.match(page.url(), /\/docs\/adr\/0023-/);
    assert.deepEqual(browser.complaints, []);
  });

  test('each page fits a phone and shows its diagrams', async () => {
    const page = await browser.newPage({ viewport: PHONE });
    for (const file of BUILT) {
      await page.goto(urlOf(file));
      const diagrams = fencesOf(file).filter(({ language }) => language === 'mermaid').length;
      // A drawn diagram is a `div`; one that can't be drawn stays a `pre`.
      for (let nth = 0; nth < diagrams; nth += 1) {
        const drawn = await page.locator('div.mermaid').nth(nth).boundingBox();
        assert.ok(drawn && drawn.height > 100, `diagram ${nth + 1} of ${file}`);
      }
      const width = await page.evaluate('document.documentElement.scrollWidth');
      assert.equal(width, PHONE.width, `${file} is wider than a phone`);
    }
    assert.deepEqual(browser.complaints, []);
  });

  test('they are light or dark like the reader’s system, and readable in both', async () => {
    const brightness = (color: string) => {
      const [red = 0, green = 0, blue = 0] = (color.match(/[\d.]+/g) ?? []).map(Number);
      return (red + green + blue) / (3 * 255);
    };
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await browser.newPage({ colorScheme });
      await page.goto(urlOf('docs/pages/index.md'));
      const colors = "['backgroundColor', 'color'].map((name) => getComputedStyle(document.body)[name])";
      const [ground = 0, ink = 0] = ((await page.evaluate(colors)) as string[]).map(brightness);
      assert.ok(
        colorScheme === 'light' ? ground - ink > 0.6 : ink - ground > 0.6,
        `${colorScheme}: ${ink} on ${ground}`,
      );
    }
    assert.deepEqual(browser.complaints, []);
  });

  test('each link of each page leads to something that the store serves, and to an existing anchor', async (context) => {
    const texts = new Map<string, Promise<string | undefined>>();
    const read = (url: string) => {
      const text = texts.get(url) ?? fetch(url).then((response) => (response.ok ? response.text() : undefined));
      texts.set(url, text);
      return text;
    };
    const broken: string[] = [];
    for (const page of BUILT.map(urlOf)) {
      for (const [, href = ''] of ((await read(page)) ?? '').matchAll(/(?:href|src)="?([^">\s]+)/g)) {
        const { origin, hash, href: whole } = new URL(href.replaceAll('&amp;', '&'), page);
        if (origin !== running().store.baseUrl) continue;
        const text = await read(whole.split('#')[0] as string);
        const place = decodeURIComponent(hash.slice(1));
        const isThere =
          text !== undefined && (place === '' || text.includes(`id="${place}"`) || text.includes(`id=${place}`));
        if (!isThere) broken.push(`${page}: ${href}`);
      }
    }
    context.diagnostic(`${texts.size} addresses`);
    assert.ok(texts.size > BUILT.length);
    assert.deepEqual([...new Set(broken)], []);
  });
}
