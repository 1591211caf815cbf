import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Router } from 'express';
import { onlyReads } from './problem.ts';

const LINKS = {
  products: '/api/v1/products',
  categories: '/api/v1/categories',
  health: '/api/system/health',
  swagger: '/swagger/',
  docs: '/docs/',
};

/** What the browser gets, read once; the page itself fetches what changes. */
const [PAGE, STYLE, SCRIPT] = ['page.html', 'page.css', 'page.js'].map((name) =>
  readFileSync(path.join(import.meta.dirname, 'front-page', name), 'utf8'),
);

/** The store's entry: a page for people, only the links for programs that ask for JSON. */
export function frontPageRoutes(): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.all('/', onlyReads, (request, response) => {
    response.set({ 'Cache-Control': 'no-cache', Vary: 'Accept' });
    if (request.accepts(['html', 'json']) === 'json') response.json({ name: 'Product Store', links: LINKS });
    else response.type('html').send(PAGE);
  });
  router.all('/front-page.css', onlyReads, (_request, response) => void response.type('css').send(STYLE));
  router.all('/front-page.js', onlyReads, (_request, response) => void response.type('js').send(SCRIPT));
  return router;
}
