export interface Category {
  readonly slug: string;
  readonly name: string;
  /** Slugs from the root to this one, joined by '/'. */
  readonly path: string;
  readonly version: number;
}

export interface CategoryNode extends Category {
  readonly children: readonly CategoryNode[];
}

/** The listing that holds every product. */
export const ALL = 'all';

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
