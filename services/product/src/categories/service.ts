import pLimit from 'p-limit';
import type { AdminAudit } from '#platform/admin-audit/audit.ts';
import { changedMeanwhile, Unavailable, validationFailed } from '#platform/errors.ts';
import type { ProjectListings } from '../listings/projector.ts';
import type { ListingRepository } from '../listings/repository.ts';
import type { ProductRepository } from '../products/repository.ts';
import { assertSlugIsAllowed, type Category, type CategoryRecord, pathBelow } from './category.ts';
import { categoryContended, categoryExists, categoryInUse, categoryNotFound } from './refusals.ts';
import type { Arrival, CategoryRepository } from './repository.ts';
import type { CategoryTree } from './tree.ts';

/** A deletion that began longer ago has been cut off. */
const CLOSED_FOR_MS = 10_000;
const ATTEMPTS = 5;

export interface NewCategory {
  readonly slug: string;
  readonly name: string;
  /** Slug of the parent; undefined at the root. */
  readonly parent?: string | undefined;
}

type Expects = (version: number) => boolean;

/** What admins do with categories; `actor` is the admin's user id, and `expects` is true for the version they have seen. */
export interface CategoryService {
  /** Throws Conflict `category_exists`, and `validation_failed` for a parent that is unknown or too deep. */
  create(category: NewCategory, actor: string): Promise<Category>;
  rename(slug: string, name: string, expects: Expects, actor: string): Promise<Category>;
  /** Throws Conflict `category_in_use` while it has products or children. */
  remove(slug: string, expects: Expects, actor: string): Promise<void>;
  /**
   * Announces a product that is about to enter the category, as it was read before. From then on either the category stays or the
   * product's write is refused. Throws `validation_failed` for an unknown category.
   */
  announce(slug: string, productId: string): Promise<Arrival>;
  /** Ends the arrival: the listings show the product, or it isn't coming. */
  settle(arrival: Arrival): Promise<void>;
}

export interface CategoryParts {
  readonly repository: CategoryRepository;
  readonly tree: CategoryTree;
  readonly listings: Pick<ListingRepository, 'listSummaries'>;
  readonly products: Pick<ProductRepository, 'forbidInsert' | 'interruptChanges'>;
  readonly project: ProjectListings;
  readonly audit: AdminAudit;
  readonly now: () => Date;
}

export function createCategoryService(parts: CategoryParts): CategoryService {
  const { repository, tree, listings, products, project, audit, now } = parts;
  /** The tree is one partition: concurrent writes only starve each other in Paxos. */
  const serialize = pLimit(1);

  async function getLatest(slug: string): Promise<CategoryRecord> {
    const category = await repository.findLatest(slug);
    if (!category) throw categoryNotFound();
    return category;
  }

  /** The category, if it exists and isn't being deleted; one whose deletion was cut off is opened again. */
  async function findOpen(slug: string): Promise<Category | undefined> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const category = await repository.findLatest(slug);
      if (!category?.closingAt) return category;
      if (now().getTime() - category.closingAt.getTime() < CLOSED_FOR_MS) break;
      await repository.open(slug, category.closingAt);
    }
    throw categoryContended();
  }

  async function insert({ slug, name, parent: parentSlug }: NewCategory): Promise<Category> {
    const parent = parentSlug === undefined ? undefined : await findOpen(parentSlug);
    if (parentSlug !== undefined && !parent) throw noSuchCategory('/parent');
    // One batch can't require the same row to exist and not to exist.
    if (parentSlug === slug) throw categoryExists();
    const category = { slug, name, path: pathBelow(parent, slug), version: 1 };
    if (!(await repository.insertCategory(category, parent))) {
      if (await repository.findLatest(slug)) throw categoryExists();
      throw categoryContended();
    }
    return category;
  }

  /** The category is closed. Products on their way into it are settled first, so that its listing shows whether it has any. */
  async function isEmpty({ slug, path }: Category): Promise<boolean> {
    const others = await repository.listLatest();
    if (others.some((other) => other.path.startsWith(`${path}/`))) return false;
    for (const { productId } of await repository.listArrivals(slug)) {
      if (await products.forbidInsert(productId)) continue;
      await products.interruptChanges(productId);
      await project(productId);
    }
    return (await listings.listSummaries({ listing: slug, sort: '-createdAt' }, 1, undefined)).length === 0;
  }

  async function removeEmpty(category: CategoryRecord): Promise<void> {
    const { slug } = category;
    const closedAt = now();
    if (!(await repository.close(category, closedAt))) throw await changed(category);
    const empty = await isEmpty(category);
    if (empty && (await repository.deleteCategory(category, closedAt))) return;
    await repository.open(slug, closedAt);
    if (!empty) throw categoryInUse();
    throw await changed(category);
  }

  /** Why a write was refused: there is a newer version, or another admin is deleting the category. */
  async function changed({ slug, version }: Category): Promise<Error> {
    const latest = await getLatest(slug);
    return latest.version === version ? categoryContended() : changedMeanwhile(latest.version);
  }

  /** This replica shows the change at once; the others, and this one when the database doesn't answer, soon after. */
  async function refresh(): Promise<void> {
    await tree.refresh().catch((error: unknown) => {
      if (!(error instanceof Unavailable)) throw error;
    });
  }

  return {
    async create(category, actor) {
      assertSlugIsAllowed(category.slug);
      const act = { entity: 'category', entityId: category.slug, action: 'create', actor } as const;
      const created = await audit.record(act, () => serialize(insert, category), toFields);
      await refresh();
      return created;
    },

    async rename(slug, name, expects, actor) {
      const category = await getLatest(slug);
      const before = { name: category.name };
      const act = { entity: 'category', entityId: slug, action: 'update', actor, before } as const;
      const work = async () => {
        if (!expects(category.version)) throw changedMeanwhile(category.version);
        const renamed = await repository.rename(category, name);
        if (!renamed) throw await changed(category);
        return renamed;
      };
      const renamed = await audit.record(
        act,
        () => serialize(work),
        () => ({ name }),
      );
      await refresh();
      return renamed;
    },

    async remove(slug, expects, actor) {
      const category = await getLatest(slug);
      const act = { entity: 'category', entityId: slug, action: 'delete', actor, before: toFields(category) } as const;
      const work = async () => {
        if (!expects(category.version)) throw changedMeanwhile(category.version);
        if (category.closingAt) await findOpen(slug);
        await removeEmpty({ ...category, closingAt: undefined });
      };
      await audit.record(act, () => serialize(work));
      await refresh();
    },

    async announce(slug, productId) {
      // Written first: a deletion closes the category and then reads the arrivals.
      const arrival = await repository.noteArrival(slug, productId);
      const category = await findOpen(slug);
      if (category) return arrival;
      await repository.removeArrival(arrival);
      throw noSuchCategory('/category');
    },

    settle: (arrival) => repository.removeArrival(arrival),
  };
}

/** The category's facts under their API names, for the audit log. */
function toFields({ slug, name, path }: Category): object {
  return { slug, name, path };
}

function noSuchCategory(pointer: string): Error {
  return validationFailed([{ pointer, detail: 'There is no such category.' }]);
}
