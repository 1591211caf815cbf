import { randomUUID } from 'node:crypto';
import type { Database, Row, Statement } from '#platform/cassandra/database.ts';
import { outcomeUnknown } from '#platform/errors.ts';
import type { Category, CategoryRecord } from './category.ts';

/** The shop has one tree, in one partition. */
export const TREE = 'main';

/** A product that is about to enter a category. */
export interface Arrival {
  readonly category: string;
  readonly id: string;
  readonly productId: string;
}

export interface CategoryRepository {
  /** All categories, in one read. */
  listCategories(): Promise<Category[]>;
  /** All categories after all earlier changes. */
  listLatest(): Promise<Category[]>;
  findCategory(slug: string): Promise<Category | undefined>;
  /** The category after all earlier changes. */
  findLatest(slug: string): Promise<CategoryRecord | undefined>;
  /** Inserts the category, once; false when its slug is taken, or its parent is deleted or being deleted. */
  insertCategory(category: Category, parent: Category | undefined): Promise<boolean>;
  /** Makes the next version; undefined when the category has been changed since it was read. */
  rename(category: Category, name: string): Promise<Category | undefined>;
  /** Marks the category as being deleted; false when it has been changed since it was read. */
  close(category: CategoryRecord, at: Date): Promise<boolean>;
  /** Takes that mark back, unless there is another one by now. */
  open(slug: string, closedAt: Date): Promise<void>;
  /** Deletes the category, marked at `closedAt`; false when it has been changed since it was read. */
  deleteCategory(category: Category, closedAt: Date): Promise<boolean>;
  noteArrival(category: string, productId: string): Promise<Arrival>;
  removeArrival(arrival: Arrival): Promise<void>;
  listArrivals(category: string): Promise<Arrival[]>;
}

const COLUMNS = 'slug, name, path, version, write_id, closing_at';

export function createCategoryRepository(database: Database): CategoryRepository {
  async function findRow(slug: string, options: { serial?: boolean } = {}): Promise<Row | undefined> {
    const query = `SELECT ${COLUMNS} FROM categories WHERE tree = ? AND slug = ?`;
    const [row] = await database.read('category.find', query, [TREE, slug], options);
    return row;
  }

  async function list(options: { serial?: boolean }): Promise<Category[]> {
    const query = 'SELECT slug, name, path, version FROM categories WHERE tree = ?';
    return (await database.read('category.list', query, [TREE], options)).map(toCategory);
  }

  return {
    listCategories: () => list({}),
    listLatest: () => list({ serial: true }),

    async findCategory(slug) {
      const row = await findRow(slug);
      return row && toCategory(row);
    },

    async findLatest(slug) {
      const row = await findRow(slug, { serial: true });
      return row && { ...toCategory(row), closingAt: row.closing_at ?? undefined };
    },

    async insertCategory({ slug, name, path, version }, parent) {
      const writeId = randomUUID();
      const insert = {
        query:
          'INSERT INTO categories (tree, slug, name, path, version, write_id) VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS',
        params: [TREE, slug, name, path, version, writeId],
      };
      const outcome = await database.conditional('category.insert', [insert, ...(parent ? [requireOpen(parent)] : [])]);
      if (outcome.applied) return true;
      return outcome.uncertain && (await findRow(slug, { serial: true }))?.write_id?.toString() === writeId;
    },

    async rename(category, name) {
      const { slug, version } = category;
      const writeId = randomUUID();
      const outcome = await database.conditional('category.rename', [
        {
          query: 'UPDATE categories SET name = ?, version = ?, write_id = ? WHERE tree = ? AND slug = ? IF version = ?',
          params: [name, version + 1, writeId, TREE, slug, version],
        },
      ]);
      const renamed = { slug, path: category.path, name, version: version + 1 };
      if (outcome.applied) return renamed;
      if (!outcome.uncertain) return undefined;
      const row = await findRow(slug, { serial: true });
      if (row?.write_id?.toString() === writeId) return renamed;
      if (row && row.version <= version + 1) return undefined;
      throw outcomeUnknown('category');
    },

    async close({ slug, version, closingAt }, at) {
      const outcome = await database.conditional('category.close', [
        {
          query: 'UPDATE categories SET closing_at = ? WHERE tree = ? AND slug = ? IF version = ? AND closing_at = ?',
          params: [at, TREE, slug, version, closingAt ?? null],
        },
      ]);
      if (outcome.applied) return true;
      const row = outcome.uncertain ? await findRow(slug, { serial: true }) : undefined;
      return row?.version === version && row.closing_at?.getTime() === at.getTime();
    },

    async open(slug, closedAt) {
      await database.conditional('category.open', [
        {
          query: 'UPDATE categories SET closing_at = null WHERE tree = ? AND slug = ? IF closing_at = ?',
          params: [TREE, slug, closedAt],
        },
      ]);
    },

    async deleteCategory({ slug, version }, closedAt) {
      const outcome = await database.conditional('category.delete', [
        {
          query: 'DELETE FROM categories WHERE tree = ? AND slug = ? IF version = ? AND closing_at = ?',
          params: [TREE, slug, version, closedAt],
        },
      ]);
      if (outcome.applied) return true;
      return outcome.uncertain && (await findRow(slug, { serial: true })) === undefined;
    },

    async noteArrival(category, productId) {
      const arrival = { category, id: randomUUID(), productId };
      await database.write(
        'category.note_arrival',
        'INSERT INTO category_arrivals (category, arrival_id, product_id) VALUES (?, ?, ?)',
        [category, arrival.id, productId],
      );
      return arrival;
    },

    async removeArrival({ category, id }) {
      await database.write(
        'category.remove_arrival',
        'DELETE FROM category_arrivals WHERE category = ? AND arrival_id = ?',
        [category, id],
      );
    },

    async listArrivals(category) {
      const rows = await database.read(
        'category.list_arrivals',
        'SELECT arrival_id, product_id FROM category_arrivals WHERE category = ?',
        [category],
      );
      return rows.map((row) => ({ category, id: row.arrival_id.toString(), productId: row.product_id.toString() }));
    },
  };
}

/** Writes the value that is there: only the condition matters. */
function requireOpen({ slug, path }: Category): Statement {
  return {
    query: 'UPDATE categories SET path = ? WHERE tree = ? AND slug = ? IF path = ? AND closing_at = null',
    params: [path, TREE, slug, path],
  };
}

function toCategory({ slug, name, path, version }: Row): Category {
  return { slug, name, path, version };
}
