import { NotFound } from '#platform/errors.ts';
import type { Offer, Product } from './product.ts';
import type { ProductRepository } from './repository.ts';

export interface ProductService {
  /** The product with its live stock; throws NotFound `product_not_found`. */
  getProduct(id: string): Promise<Product>;
  /** Today's price and live stock; products that can't be bought are absent. */
  listOffers(ids: readonly string[]): Promise<Offer[]>;
}

export function createProductService({ repository }: { repository: ProductRepository }): ProductService {
  return {
    async getProduct(id) {
      const product = await repository.findProduct(id);
      if (!product) throw new NotFound('product_not_found', 'There is no such product.');
      return product;
    },
    listOffers: (ids) => repository.listOffers(ids),
  };
}
