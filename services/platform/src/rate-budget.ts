/**
 * Says whether a piece of work is among the first `perSecond` of its second: what costs little while few ask for it, and must be
 * spared when many do. `now` is a steady clock in ms.
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
