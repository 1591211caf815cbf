import { type Route, route } from '#platform/http/route.ts';
import { CategoryTreeBody, toCategoryBody } from './schema.ts';
import type { CategoryTree } from './service.ts';

export function categoryRoutes(categories: CategoryTree): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/categories',
      summary: 'The category tree',
      tag: 'Categories',
      access: 'public',
      cache: 'catalogue',
      response: CategoryTreeBody,
      handle: () => ({ data: categories.roots().map(toCategoryBody) }),
    }),
  ];
}
