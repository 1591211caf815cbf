import { validationFailed } from '#platform/errors.ts';

export interface Category {
  readonly slug: string;
  readonly name: string;
  /** Slugs from the root to this one, joined by '/'. */
  readonly path: string;
  readonly version: number;
}

/** A category with what only writers need. */
export interface CategoryRecord extends Category {
  /** When its deletion began, if one has. */
  readonly closingAt: Date | undefined;
}

export interface CategoryNode extends Category {
  readonly children: readonly CategoryNode[];
}

/** The listing that holds every product; no category has this slug. */
export const ALL = 'all';

const MAX_LEVELS = 4;

/** Throws `validation_failed` for the slug of the list of all products. */
export function assertSlugIsAllowed(slug: string): void {
  if (slug === ALL)
    throw validationFailed([{ pointer: '/slug', detail: 'This slug is reserved for the list of all products.' }]);
}

/** The path of a new category below `parent`. Throws `validation_failed` when it would be too deep. */
export function pathBelow(parent: Category | undefined, slug: string): string {
  if (!parent) return slug;
  const path = `${parent.path}/${slug}`;
  if (path.split('/').length <= MAX_LEVELS) return path;
  throw validationFailed([{ pointer: '/parent', detail: `At most ${MAX_LEVELS} levels.` }]);
}

/** The listings that hold a product of this category: its own, every ancestor's, and that of all products. */
export function listingsOf({ path }: Category): string[] {
  return [ALL, ...path.split('/')];
}

/** Nests categories by their paths; siblings are sorted by name. A category without its parent is at the root. */
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
