import type { Logger } from '#platform/logging.ts';
import { createPoller } from '#platform/poller.ts';
import type { Worker } from '#platform/service.ts';
import { type Category, type CategoryNode, toTree } from './category.ts';
import type { CategoryRepository } from './repository.ts';

/** Between two reads of the tree: every replica shows a change within this time. */
const REFRESH_MS = 500;

/** The category tree, kept in memory: it is small, needed for every page, and rarely changes. */
export interface CategoryTree extends Worker {
  find(slug: string): Category | undefined;
  /** The category with its descendants. */
  findNode(slug: string): CategoryNode | undefined;
  /** The roots with their descendants. */
  roots(): readonly CategoryNode[];
  refresh(): Promise<void>;
}

export function createCategoryTree({
  repository,
  logger,
}: {
  repository: CategoryRepository;
  logger: Logger;
}): CategoryTree {
  let bySlug: ReadonlyMap<string, Category> = new Map();
  let roots: readonly CategoryNode[] = [];

  async function refresh(): Promise<void> {
    const categories = await repository.listCategories();
    bySlug = new Map(categories.map((category) => [category.slug, category]));
    roots = toTree(categories);
  }

  async function refreshOrKeep(): Promise<void> {
    await refresh().catch((cause: unknown) =>
      logger.debug('category_tree_stale', 'Continuing with the previous category tree.', { cause }),
    );
  }

  return {
    find: (slug) => bySlug.get(slug),
    findNode: (slug) => findNode(slug, roots),
    roots: () => roots,
    refresh,
    ...createPoller(refreshOrKeep, REFRESH_MS),
  };
}

function findNode(slug: string, nodes: readonly CategoryNode[]): CategoryNode | undefined {
  for (const node of nodes) {
    const found = node.slug === slug ? node : findNode(slug, node.children);
    if (found) return found;
  }
  return undefined;
}
