import { adminAuditRoutes, createAdminAudit } from '#platform/admin-audit.ts';
import { createDueQueue } from '#platform/cassandra/due-queue.ts';
import { createCursorCodec } from '#platform/http/cursor.ts';
import type { Platform, ServiceParts } from '#platform/service.ts';
import { createCategoryRepository } from './categories/repository.ts';
import { categoryRoutes } from './categories/routes.ts';
import { createCategoryTree } from './categories/service.ts';
import type { ProductConfig } from './config.ts';
import { createProjector } from './listings/projector.ts';
import { createListingRepository } from './listings/repository.ts';
import { listingRoutes } from './listings/routes.ts';
import { createListingService } from './listings/service.ts';
import { createProductRepository } from './products/repository.ts';
import { productRoutes } from './products/routes.ts';
import { createProductService } from './products/service.ts';
import { createStockRepository } from './stock/repository.ts';
import { stockRoutes } from './stock/routes.ts';
import { createStockService } from './stock/service.ts';

/** Joins the parts of the product service; reads the category tree once. */
export async function assembleProduct(
  { database, logger, metrics }: Platform,
  config: ProductConfig,
): Promise<ServiceParts> {
  const reservations = metrics.counter('stock_reservations_total', 'Reservation steps, by outcome.', ['outcome']);
  const cursors = createCursorCodec(config.CURSOR_SECRET);
  const audit = createAdminAudit({ database, logger });
  const categories = createCategoryTree({ repository: createCategoryRepository(database), logger });
  await categories.refresh();

  const listingRepository = createListingRepository(database);
  const project = createProjector({ repository: listingRepository, categories });
  const due = createDueQueue({ database, logger, metrics, handle: ({ id }) => project(id) });

  const stock = createStockService({
    repository: createStockRepository(database),
    noteStockCrossing: (productId) => due.put(0, productId, 'project'),
    count: (outcome) => reservations.inc({ outcome }),
  });
  const products = createProductService({ repository: createProductRepository(database) });
  const listings = createListingService({ repository: listingRepository, now: Date.now });

  return {
    routes: [
      ...listingRoutes(listings, categories, cursors),
      ...productRoutes(products, categories),
      ...categoryRoutes(categories),
      ...stockRoutes(stock),
      ...adminAuditRoutes(audit, ['product', 'category', 'stock'], cursors),
    ],
    workers: [categories, due],
  };
}
