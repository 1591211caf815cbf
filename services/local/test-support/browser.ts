import { type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { ensureTools, findChromium } from '../src/tools.ts';

export interface TestBrowser {
  /** A page in a profile of its own. */
  newPage(options?: BrowserContextOptions): Promise<Page>;
  /** What the pages complained of so far, a line each: errors of scripts, and all that was refused or didn't arrive. */
  readonly complaints: readonly string[];
  stop(): Promise<void>;
}

/** ms that a page gets for each step, which on a busy machine takes its time. */
const PATIENCE = 60_000;

/** Starts a headless Chromium, this machine's own. Throws StartError with what to do where there is none. */
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
