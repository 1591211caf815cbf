import { setTimeout as sleep } from 'node:timers/promises';
import type { AdminAudit } from '#platform/admin-audit/audit.ts';
import { changedMeanwhile, Unavailable } from '#platform/errors.ts';
import { createKeyedLimit } from '#platform/keyed-limit.ts';
import type { Arrival } from '../categories/repository.ts';
import type { CategoryService } from '../categories/service.ts';
import type { ProjectionNotes } from '../listings/projection-notes.ts';
import type { ProjectListings } from '../listings/projector.ts';
import {
  applyPatch,
  assertCurrency,
  isSame,
  type Offer,
  type Price,
  type Product,
  type ProductFacts,
  type ProductPatch,
  type ProductRecord,
  pickPatched,
  toFields,
} from './product.ts';
import { productContended, productNotFound, skuTaken } from './refusals.ts';
import type { NextFacts, ProductRepository, ProductStatus } from './repository.ts';

/** A product whose SKU is claimed gets this long to be inserted, more than that takes. */
const CLAIM_PAUSE_MS = 100;
const CLAIM_PAUSES = 10;
const ATTEMPTS = 5;

export interface NewProduct extends Omit<ProductFacts, 'priceMinor' | 'images' | 'attributes'> {
  readonly sku: string;
  readonly price: Price;
  readonly images?: ProductFacts['images'] | undefined;
  readonly attributes?: ProductFacts['attributes'] | undefined;
  /** Units of the first stock. */
  readonly stock: number;
}

type Expects = (version: number) => boolean;

/** `actor` is the admin's user id; `expects` is true for the version they have seen. Changes are in the lists when they are done. */
export interface ProductService {
  /** The product with its live stock; throws NotFound `product_not_found`. */
  getProduct(id: string): Promise<Product>;
  /** Today's price and live stock; products that can't be bought are absent. */
  listOffers(ids: readonly string[]): Promise<Offer[]>;
  /** Throws Conflict `sku_taken`, and `validation_failed` for an unknown category or another currency. */
  create(product: NewProduct, actor: string): Promise<Product>;
  /** Throws PreconditionFailed, and `validation_failed` as `create` does. */
  update(id: string, patch: ProductPatch, expects: Expects, actor: string): Promise<Product>;
  /** Deletes the product for good; its SKU can be used again. */
  remove(id: string, expects: Expects, actor: string): Promise<void>;
}

export interface ProductParts {
  readonly repository: ProductRepository;
  readonly categories: Pick<CategoryService, 'announce' | 'settle'>;
  readonly project: ProjectListings;
  readonly notes: ProjectionNotes;
  readonly audit: AdminAudit;
  readonly currency: string;
  readonly newId: () => string;
  readonly now: () => Date;
}

export function createProductService(parts: ProductParts): ProductService {
  const { repository, categories, project, notes, audit, currency, newId, now } = parts;
  const perSku = createKeyedLimit(1);

  async function getLatest(id: string): Promise<ProductRecord> {
    const product = await repository.findLatest(id);
    if (product?.isActive) return product;
    // The deletion may have been applied after its request ended without an answer.
    if (product) await notes.put(id);
    throw productNotFound();
  }

  async function insert(product: Product): Promise<Product> {
    const { id, sku, category } = product;
    assertCurrency(product.currency, currency);
    const arrival = await categories.announce(category, id);
    await claimSku(sku, id).catch(async (error: unknown) => {
      await categories.settle(arrival);
      throw error;
    });
    if (!(await notes.guard(id, () => repository.insertProduct(product)))) throw productContended();
    await show(id, arrival);
    return product;
  }

  /** Claims the SKU for the product, also from a product that was never inserted or is deleted. */
  async function claimSku(sku: string, id: string): Promise<void> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const holder = await repository.claimSku(sku, id);
      if (holder === id) return;
      if ((await decidedStatus(holder)) === 'active') throw skuTaken();
      if (await repository.takeOverSku(sku, holder, id)) return;
    }
    throw productContended();
  }

  /** The status of a product that holds a claim. If it isn't inserted in time it never will be, so that no two products share the SKU. */
  async function decidedStatus(id: string): Promise<ProductStatus | undefined> {
    for (let pause = 1; pause <= CLAIM_PAUSES; pause += 1) {
      const status = await repository.findStatus(id);
      if (status) return status;
      await sleep(CLAIM_PAUSE_MS);
    }
    return (await repository.forbidInsert(id)) ? 'deleted' : repository.findStatus(id);
  }

  async function change(before: ProductRecord, patch: ProductPatch, expects: Expects): Promise<Product> {
    if (!expects(before.version)) throw changedMeanwhile(before.version);
    const facts = applyPatch(before, patch);
    if (!isSame(before, facts)) return write(before, facts);
    // The change may have been made by an earlier request that got no answer.
    await show(before.id);
    return before;
  }

  /** Writes the next version. When only the listings are in the way, brings them up to date and tries again. */
  async function write(before: ProductRecord, facts: NextFacts): Promise<Product> {
    let product = before;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const moves = facts && facts.category !== product.category;
      const arrival = moves ? await categories.announce(facts.category, product.id) : undefined;
      const changed = await notes.guard(product.id, () => repository.changeProduct(product, facts, now()));
      if (changed) {
        await show(product.id, arrival);
        return changed;
      }
      if (arrival) await categories.settle(arrival);
      await project(product.id);
      product = await getLatest(product.id);
      if (product.version !== before.version) throw changedMeanwhile(product.version);
    }
    throw productContended();
  }

  /** The change is made: if the listings can't follow now, a new note has them do so, as the earlier one may have been read by then. */
  async function show(id: string, arrival?: Arrival): Promise<void> {
    try {
      await project(id);
      if (arrival) await categories.settle(arrival);
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      await notes.put(id);
    }
  }

  return {
    async getProduct(id) {
      const product = await repository.findProduct(id);
      if (!product) throw productNotFound();
      return product;
    },

    listOffers: (ids) => repository.listOffers(ids),

    create({ price, stock, images = [], attributes = {}, ...facts }, actor) {
      const at = now();
      const product = {
        ...facts,
        images,
        attributes,
        id: newId(),
        priceMinor: price.amount,
        currency: price.currency,
        available: stock,
        version: 1,
        createdAt: at,
        updatedAt: at,
      };
      const act = { entity: 'product', entityId: product.id, action: 'create', actor } as const;
      return audit.record(
        act,
        () => perSku(product.sku, () => insert(product)),
        () => ({ ...toFields(product), stock }),
      );
    },

    async update(id, patch, expects, actor) {
      const product = await getLatest(id);
      const before = pickPatched(toFields(product), patch);
      return audit.record(
        { entity: 'product', entityId: id, action: 'update', actor, before },
        () => change(product, patch, expects),
        (changed) => pickPatched(toFields(changed), patch),
      );
    },

    async remove(id, expects, actor) {
      const product = await getLatest(id);
      const work = async () => {
        if (!expects(product.version)) throw changedMeanwhile(product.version);
        await write(product, undefined);
      };
      const act = { entity: 'product', entityId: id, action: 'delete', actor, before: toFields(product) } as const;
      await audit.record(act, work);
    },
  };
}
