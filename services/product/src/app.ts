import { v5 as uuidv5, v7 as uuidv7 } from 'uuid';
import { createAdminAudit } from '#platform/admin-audit/audit.ts';
import { createAuditRepository } from '#platform/admin-audit/repository.ts';
import { adminAuditRoutes } from '#platform/admin-audit/routes.ts';
import { createDueQueue } from '#platform/cassandra/due-queue.ts';
import { createCursorCodec } from '#platform/http/cursor.ts';
import type { Platform, ServiceParts } from '#platform/service.ts';
import { throughOutages } from '#platform/through-outages.ts';
import { createCategoryRepository } from './categories/repository.ts';
import { categoryRoutes } from './categories/routes.ts';
import { createCategoryService } from './categories/service.ts';
import { createCategoryTree } from './categories/tree.ts';
import type { ProductConfig } from './config.ts';
import { createProductCount } from './listings/product-count.ts';
import { createProjectionNotes } from './listings/projection-notes.ts';
import { createProjector } from './listings/projector.ts';
import { createListingRepository } from './listings/repository.ts';
import { listingRoutes } from './listings/routes.ts';
import { createListingService } from './listings/service.ts';
import { createProductRepository } from './products/repository.ts';
import { productRoutes } from './products/routes.ts';
import { createProductService } from './products/service.ts';
import { createStockRepository } from './stock/repository.ts';
import { adjustmentRoutes, stockRoutes } from './stock/routes.ts';
import { createStockService } from './stock/service.ts';
import { RESERVATION_OUTCOMES } from './stock/stock.ts';

/** Joins the parts of the product service; reads the category tree once. */
export async function assembleProduct(
  { database, logger, metrics }: Platform,
  config: ProductConfig,
): Promise<ServiceParts> {
  const reservations = metrics.counter(
    'stock_reservations_total',
    'Reservation steps, by outcome.',
    ['outcome'],
    RESERVATION_OUTCOMES,
  );
  const violations = metrics.counter('stock_invariant_violations_total', 'Times that a stock was found below zero.');
  const cursors = createCursorCodec(config.CURSOR_SECRET);
  const audit = createAdminAudit({ lines: createAuditRepository(database), logger });
  const categoryRepository = createCategoryRepository(database);
  const tree = createCategoryTree({ repository: categoryRepository, logger });
  await throughOutages(tree.refresh);

  const listingRepository = createListingRepository(database);
  const project = createProjector({ repository: listingRepository, findCategory: categoryRepository.findCategory });
  const due = createDueQueue({ database, logger, metrics, handle: ({ id }) => project(id) });
  const notes = createProjectionNotes({ put: (delayMs, productId) => due.put(delayMs, productId, 'project') });

  const stock = createStockService({
    repository: createStockRepository(database),
    notes,
    audit,
    count: (outcome) => reservations.inc({ outcome }),
    countViolation: () => violations.inc(),
  });
  const now = () => new Date();
  const productRepository = createProductRepository(database);
  const categories = createCategoryService({
    repository: categoryRepository,
    tree,
    listings: listingRepository,
    products: productRepository,
    project,
    audit,
    now,
  });
  const products = createProductService({
    repository: productRepository,
    categories,
    project,
    notes,
    audit,
    currency: config.CURRENCY,
    newId: uuidv7,
    now,
  });
  const countProducts = createProductCount({ repository: listingRepository, now: Date.now });
  const listings = createListingService({ repository: listingRepository, now: Date.now });
  const toOperationId = (userId: string, key: string) => uuidv5(`POST stock-adjustments ${key}`, userId);

  return {
    routes: [
      ...listingRoutes(listings, countProducts, tree, cursors),
      ...productRoutes(products, tree),
      ...adjustmentRoutes(stock, toOperationId),
      ...categoryRoutes(tree, categories),
      ...stockRoutes(stock),
      ...adminAuditRoutes(audit, ['product', 'category', 'stock'], cursors),
    ],
    workers: [tree, due],
  };
}
