import type { Request, Response } from 'express';
import { Reply, type Route } from './route.ts';

/** Sends what the handler returned: a body, or a Reply. */
export function send(route: Route, request: Request, response: Response, result: unknown): void {
  const { body, status, headers, replayed } = result instanceof Reply ? (result as Reply<unknown>) : new Reply(result);
  response.statusCode = status ?? route.status ?? 200;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (replayed) response.setHeader('Idempotent-Replayed', 'true');
  if (body === undefined) return void response.end();

  if (route.location) response.setHeader('Location', route.location(body));
  if (route.paged) linkNextPage(request, response, body as { page: { nextCursor: string | null } });
  if (route.etag) {
    const etag = route.etag(body);
    response.setHeader('ETag', etag);
    if (route.method === 'get' && matches(request.headers['if-none-match'], etag)) {
      response.statusCode = 304;
      return void response.end();
    }
  }
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.end(JSON.stringify(body));
}

function linkNextPage(request: Request, response: Response, { page }: { page: { nextCursor: string | null } }): void {
  if (page.nextCursor === null) return;
  const [path = ''] = request.originalUrl.split('?', 1);
  // From the first question mark on: a parameter may hold further ones.
  const parameters = new URLSearchParams(request.originalUrl.slice(path.length));
  parameters.set('cursor', page.nextCursor);
  response.setHeader('Link', `<${path}?${parameters}>; rel="next"`);
}

/** Weak comparison (RFC 9110 §13.1.2): a proxy that compresses the body turns our tag into `W/"…"`. */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
}
