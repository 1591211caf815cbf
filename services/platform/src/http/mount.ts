import type { Express, RequestHandler } from 'express';
import { authorize, type Verifiers } from './authorize.ts';
import { readJsonBody } from './body.ts';
import { createCaching, type SetCaching } from './caching.ts';
import { readInput } from './input.ts';
import { answerOtherMethods } from './problem.ts';
import type { Route } from './route.ts';
import { send } from './send.ts';

/** Mounts each path with all its methods, in the order in which the paths first appear; any other method is 405. */
export function mount(app: Express, routes: readonly Route[], verifiers: Verifiers): void {
  const setCaching = createCaching();
  for (const [path, siblings] of Map.groupBy(routes, ({ path }) => path)) {
    const mounted = app.route(path.replaceAll(/\{(\w+)\}/g, ':$1'));
    for (const route of siblings) mounted[route.method](toHandler(route, verifiers, setCaching));
    const methods = siblings.map(({ method }) => method.toUpperCase());
    const allowed = [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'];
    mounted.all(answerOtherMethods(allowed));
  }
}

/** The caller is authorized before the body is read, so that an unauthorized one is refused unread. */
function toHandler(route: Route, verifiers: Verifiers, setCaching: SetCaching): RequestHandler {
  return async (request, response) => {
    const caller = authorize(route.access, request, verifiers);
    await readJsonBody(request, response);
    const result = await route.handle(readInput(route, request), caller);
    setCaching(route.cache, response);
    send(route, request, response, result);
  };
}
