/** The time and id of the last item on a page: where the next page of a list in order of time begins. */
export interface TimePosition {
  readonly at: Date;
  readonly id: string;
}

/** Cuts `found`, which was read with a limit of `limit + 1`, to a page. `last` is the page's last item if more follow, else undefined. */
export function cutPage<Item>(found: readonly Item[], limit: number): { page: Item[]; last: Item | undefined } {
  const page = found.slice(0, limit);
  return { page, last: found.length > limit ? page.at(-1) : undefined };
}
