import type { Database } from '#platform/cassandra/database.ts';
import type { Category } from './category.ts';

/** The shop has one tree, in one partition. */
export const TREE = 'main';

export interface CategoryRepository {
  /** All categories, in one read. */
  listCategories(): Promise<Category[]>;
}

export function createCategoryRepository(database: Database): CategoryRepository {
  return {
    async listCategories() {
      const rows = await database.read(
        'category.list',
        'SELECT slug, name, path, version FROM categories WHERE tree = ?',
        [TREE],
      );
      return rows.map(({ slug, name, path, version }) => ({ slug, name, path, version }));
    },
  };
}
