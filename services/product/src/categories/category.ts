import { validationFailed } from '#platform/errors.ts';

export interface Category {
  readonly slug: string;
  readonly name: string;
  /** Slugs from the root to this one, joined by '/'. */
  readonly path: string;
  readonly version: number;
}

/** A category with what its writers need to know. */
export interface CategoryRecord extends Category {
  /** Since when somebody is about to delete it. */
  readonly closingAt: Date | undefined;
}

export interface CategoryNode extends Category {
  readonly children: readonly CategoryNode[];
}

/** The listing that holds every product; no category can have this slug. */
export const ALL = 'all';

const MAX_LEVELS = 4;

/** Throws `validation_failed` for the slug that means every product. */
export function assertSlugIsFree(slug: string): void {
  if (slug === ALL) throw validationFailed([{ pointer: '/slug', detail: 'This slug stands for every product.' }]);
}

/** The path of a new category below `parent`. Throws `validation_failed` when that would be too deep. */
export function pathBelow(parent: Category | undefined, slug: string): string {
  if (!parent) return slug;
  const path = `${parent.path}/${slug}`;
  if (path.split('/').length <= MAX_LEVELS) return path;
  throw validationFailed([{ pointer: '/parent', detail: `At most ${MAX_LEVELS} levels.` }]);
}

/** Listings in which a product of this category stands: its own, every ancestor's, and all. */
export function listingsOf({ path }: Category): string[] {
  return [ALL, ...path.split('/')];
}

/** Nests categories by their paths; siblings in the order of their names. A category whose parent is not there stands at the root. */
export function toTree(categories: readonly Category[]): CategoryNode[] {
  const nodes = new Map(categories.map((category) => [category.path, { ...category, children: [] as CategoryNode[] }]));
  const roots: CategoryNode[] = [];
  const byName = [...nodes.values()].sort((left, right) => left.name.localeCompare(right.name, 'en'));
  for (const node of byName) {
    const parent = nodes.get(node.path.slice(0, Math.max(0, node.path.lastIndexOf('/'))));
    (parent?.children ?? roots).push(node);
  }
  return roots;
}
