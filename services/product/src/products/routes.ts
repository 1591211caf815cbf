import { z } from 'zod';
import { type Route, route } from '#platform/http/route.ts';
import type { CategoryTree } from '../categories/service.ts';
import { OffersBody, OffersRequest, ProductBody, ProductId, toOffersBody, toProductBody } from './schema.ts';
import type { ProductService } from './service.ts';

export function productRoutes(products: ProductService, categories: CategoryTree): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/products/{id}',
      summary: 'One product with its live stock',
      tag: 'Products',
      access: 'public',
      cache: 'catalogue',
      request: { params: z.strictObject({ id: ProductId }) },
      response: ProductBody,
      etag: ({ version, stock }) => `"${version}.${stock.available}"`,
      errors: [404],
      handle: async ({ params }) => {
        const product = await products.getProduct(params.id);
        return toProductBody(product, categories.find(product.category));
      },
    }),
    route({
      method: 'post',
      path: '/internal/products/batch',
      summary: 'What these products cost today and how many there are',
      tag: 'Internal',
      access: { services: ['cart', 'order'], scope: 'products:read' },
      request: { body: OffersRequest },
      response: OffersBody,
      handle: async ({ body }) => toOffersBody(await products.listOffers(body.ids)),
    }),
  ];
}
