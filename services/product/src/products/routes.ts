import type { z } from 'zod';
import { outcomeUnknown } from '#platform/errors.ts';
import { type Route, route } from '#platform/http/route.ts';
import { categoryContended } from '../categories/refusals.ts';
import type { CategoryTree } from '../categories/tree.ts';
import type { Product } from './product.ts';
import { productContended, productNotFound, skuTaken } from './refusals.ts';
import {
  NewProductBody,
  OfferIdsBody,
  OffersBody,
  ProductBody,
  ProductParams,
  ProductPatchBody,
  toOffersBody,
  toProductBody,
} from './schema.ts';
import type { ProductService } from './service.ts';

const PATH = '/api/v1/products/{id}';

export function productRoutes(products: ProductService, categories: CategoryTree): Route[] {
  const toBody = (product: Product) => toProductBody(product, categories.find(product.category));
  const etag = ({ version, stock }: z.output<typeof ProductBody>) => `"${version}.${stock.available}"`;

  return [
    route({
      method: 'get',
      path: PATH,
      summary: 'One product with its live stock',
      tag: 'Products',
      access: 'public',
      cache: 'live-catalogue',
      request: { params: ProductParams },
      response: ProductBody,
      etag,
      errors: [productNotFound()],
      handle: async ({ params }) => toBody(await products.getProduct(params.id)),
    }),
    route({
      method: 'post',
      path: '/api/v1/products',
      summary: 'Create a product',
      tag: 'Products',
      access: 'admin',
      request: { body: NewProductBody },
      status: 201,
      response: ProductBody,
      etag,
      location: ({ id }) => `/api/v1/products/${id}`,
      errors: [skuTaken(), productContended(), categoryContended()],
      handle: async ({ body }, { userId }) => toBody(await products.create(body, userId)),
    }),
    route({
      method: 'patch',
      path: PATH,
      summary: 'Change a product',
      description:
        'A merge patch. Of the tag in If-Match only the version counts: a sale in the meantime does not make it stale.',
      tag: 'Products',
      access: 'admin',
      ifMatch: true,
      request: { params: ProductParams, body: ProductPatchBody },
      response: ProductBody,
      etag,
      errors: [productNotFound(), productContended(), categoryContended(), outcomeUnknown('product')],
      handle: async ({ params, body, expects }, { userId }) =>
        toBody(await products.update(params.id, body, expects, userId)),
    }),
    route({
      method: 'delete',
      path: PATH,
      summary: 'Delete a product',
      description: 'Orders keep their copy, and the SKU can be used again.',
      tag: 'Products',
      access: 'admin',
      ifMatch: true,
      request: { params: ProductParams },
      status: 204,
      errors: [productNotFound(), productContended(), outcomeUnknown('product')],
      handle: async ({ params, expects }, { userId }) => {
        await products.remove(params.id, expects, userId);
        return undefined;
      },
    }),
    route({
      method: 'post',
      path: '/internal/products/batch',
      summary: 'Price and stock of these products today',
      tag: 'Internal',
      access: { services: ['cart', 'order'], scope: 'products:read' },
      request: { body: OfferIdsBody },
      response: OffersBody,
      handle: async ({ body }) => toOffersBody(await products.listOffers(body.ids)),
    }),
  ];
}
