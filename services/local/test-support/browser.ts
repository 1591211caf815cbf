import { type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { ensureTools, findChromium } from '../src/tools.ts';

export interface TestBrowser {
  /** A page in its own profile. */
  newPage(options?: BrowserContextOptions): Promise<Page>;
  /** Problems of the pages so far, one line each: script errors, and resources that were blocked or didn't load. */
  readonly complaints: readonly string[];
  stop(): Promise<void>;
}

/** ms for each step of a page, long enough for a busy machine. */
const PATIENCE = 60_000;

/** Starts this machine's Chromium, headless. Throws a StartError that says what to do if there is none. */
export async function startBrowser(): Promise<TestBrowser> {
  await ensureTools(['chromium']);
  const browser = await chromium.launch({ executablePath: findChromium() as string });
  const complaints: string[] = [];
  return {
    complaints,

    async newPage(options) {
      const page = await browser.newPage(options);
      page.setDefaultTimeout(PATIENCE);
      page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.message}`));
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(`${page.url()}: ${message.text()}`);
      });
      return page;
    },

    stop: () => browser.close(),
  };
}
