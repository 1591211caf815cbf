import type { ServerResponse } from 'node:http';
import { createRateBudget } from '../rate-budget.ts';
import type { Route } from './route.ts';

/** Live answers of a replica in one second, before Nginx answers in its place. */
const LIVE_PER_SECOND = 100;

/** Tells Nginx for how long it may give an answer of this replica again. */
export type SetCaching = (cache: Route['cache'], response: Pick<ServerResponse, 'setHeader'>) => void;

/** `now` is a steady clock in ms. */
export function createCaching(now?: () => number): SetCaching {
  const isCovered = createRateBudget(LIVE_PER_SECOND, now);
  return (cache, response) => {
    if (cache === undefined) return void response.setHeader('Cache-Control', 'no-store');
    if (cache === 'catalogue' || !isCovered()) {
      return void response.setHeader('Cache-Control', 'public, max-age=0, s-maxage=1');
    }
    // Stored, but expired since 1970: each request comes here, and while this service fails Nginx serves its last answer. Nginx removes
    // this header from answers; 1.22 heeds it only when it comes before Cache-Control.
    response.setHeader('X-Accel-Expires', '@1');
    response.setHeader('Cache-Control', 'public, max-age=0');
  };
}
