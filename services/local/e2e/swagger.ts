import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { SERVICE_NAMES, type ServiceName } from '#platform/service-names.ts';
import { newAccount, type Order, type Page as PageOf, type Product, type Tokens } from '../src/shop-client.ts';
import { startBrowser, type TestBrowser } from '../test-support/browser.ts';
import type { RunningStore } from './running-store.ts';

/** What is typed; everything else stays as Swagger UI fills it in from the examples. */
interface Typed {
  readonly body?: object;
  readonly parameters?: Readonly<Record<string, string>>;
}

/** The page at `/swagger/`, used in a browser. */
export function swagger(running: () => RunningStore): void {
  let browser: TestBrowser;
  let page: Page;

  before(async () => {
    browser = await startBrowser();
    page = await browser.newPage({ baseURL: running().store.baseUrl, viewport: { width: 1280, height: 1000 } });
    await page.goto('/swagger/');
  });
  after(() => browser?.stop());

  /** Chooses one of the four documents. */
  async function open(service: ServiceName): Promise<void> {
    await page.getByLabel('Select a definition').selectOption({ label: service });
    await page.getByRole('heading', { name: `Product Store: ${service} service` }).waitFor();
  }

  /** Opens an operation, clicks "Execute", and gives the body of the response, which the page shows with its status. */
  async function tryOut<Body>(operation: string, typed: Typed, ...statuses: readonly number[]): Promise<Body> {
    const block = page.locator(`.opblock[id$="-${operation}"]`);
    await block.locator('.opblock-summary-control').click();
    if (typed.body) await block.locator('textarea').fill(JSON.stringify(typed.body));
    for (const [name, value] of Object.entries(typed.parameters ?? {})) {
      await block.locator(`[data-param-name="${name}"] input`).fill(value);
    }
    const answer = page.waitForResponse((response) => response.url().includes('/api/v1/'));
    await block.getByRole('button', { name: 'Execute' }).click();
    const response = await answer;
    const shown = block.locator('.live-responses-table .response .response-col_status');
    await shown.waitFor();
    assert.equal(Number.parseInt(await shown.innerText(), 10), response.status());
    assert.ok(statuses.includes(response.status()), `${operation} gave ${response.status()}: ${await response.text()}`);
    return (await response.json()) as Body;
  }

  test('a shopper signs in, authorizes, looks at products, fills a cart and orders', async () => {
    const account = newAccount();
    await open('user');
    await tryOut('postApiV1AuthRegister', { body: account }, 201);
    const { email, password } = account;
    const tokens = await tryOut<Tokens>('postApiV1AuthLogin', { body: { email, password } }, 200);

    await page.getByRole('button', { name: 'Authorize' }).click();
    const dialog = page.locator('.dialog-ux .auth-container').filter({ hasText: 'user' }).first();
    await dialog.getByRole('textbox').fill(tokens.access_token);
    await dialog.getByRole('button', { name: 'Apply credentials' }).click();
    await page.getByRole('button', { name: 'Close' }).first().click();
    await tryOut('getApiV1AuthProfile', {}, 200);

    // The authorization now holds for every document.
    await open('product');
    const { data } = await tryOut<PageOf<Product>>('getApiV1Products', {}, 200);
    assert.equal(data.length, 20);
    const product = await tryOut<Product>('getApiV1ProductsId', {}, 200);
    await open('cart');
    await tryOut('postApiV1CartItems', {}, 201);
    await open('order');
    const order = await tryOut<Order>('postApiV1Orders', { parameters: { 'Idempotency-Key': randomUUID() } }, 201, 202);
    assert.deepEqual(order.total, { amount: 2 * product.price.amount, currency: 'USD' });
  });

  test('each document can be downloaded, and describes its service', async () => {
    for (const service of SERVICE_NAMES) {
      await open(service);
      const link = page.getByRole('link', { name: `/openapi/${service}.json` });
      const response = await page.request.get((await link.getAttribute('href')) as string);
      const { info } = (await response.json()) as { info: { title: string } };
      assert.equal(info.title, `Product Store: ${service} service`);
    }
  });

  test('the browser blocked and reported nothing', () => {
    assert.deepEqual(browser.complaints, []);
  });
}
