/**
 * Tells whether a piece of work is among the first `perSecond` of the current second, for work that is cheap while rarely requested and
 * must be skipped under load. `now` is a monotonic clock in ms.
 */
export function createRateBudget(perSecond: number, now = () => performance.now()): () => boolean {
  let second = Number.NaN;
  let taken = 0;
  return () => {
    const current = Math.floor(now() / 1000);
    if (current !== second) taken = 0;
    second = current;
    taken += 1;
    return taken <= perSecond;
  };
}
