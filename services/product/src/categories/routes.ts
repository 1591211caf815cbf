import type { z } from 'zod';
import { outcomeUnknown } from '#platform/errors.ts';
import { tagOfContent } from '#platform/http/etag.ts';
import { type Route, route } from '#platform/http/route.ts';
import { listingsContended } from '../listings/refusals.ts';
import { EXAMPLE_PRODUCT_ID } from '../products/schema.ts';
import type { Category } from './category.ts';
import { categoryContended, categoryExists, categoryInUse, categoryNotFound } from './refusals.ts';
import {
  CategoryBody,
  CategoryParams,
  CategoryPatchBody,
  CategoryTreeBody,
  NewCategoryBody,
  toCategoryBody,
} from './schema.ts';
import type { CategoryService } from './service.ts';
import type { CategoryTree } from './tree.ts';

export function categoryRoutes(tree: CategoryTree, categories: CategoryService): Route[] {
  const toBody = (category: Category) =>
    toCategoryBody({ ...category, children: tree.findNode(category.slug)?.children ?? [] });
  const etag = ({ version }: z.output<typeof CategoryBody>) => `"${version}"`;

  return [
    route({
      method: 'get',
      path: '/api/v1/categories',
      summary: 'The category tree',
      tag: 'Categories',
      access: 'public',
      cache: 'live-catalogue',
      response: CategoryTreeBody,
      etag: tagOfContent,
      handle: () => ({ data: tree.roots().map(toCategoryBody) }),
    }),
    route({
      method: 'post',
      path: '/api/v1/categories',
      summary: 'Create a category',
      tag: 'Categories',
      access: 'admin',
      request: { body: NewCategoryBody },
      status: 201,
      response: CategoryBody,
      etag,
      errors: [categoryExists(), categoryContended()],
      handle: async ({ body }, { userId }) => toBody(await categories.create(body, userId)),
    }),
    route({
      method: 'patch',
      path: '/api/v1/categories/{slug}',
      summary: 'Rename a category',
      description: 'Its tag is its `version` in the tree, in quotes.',
      tag: 'Categories',
      access: 'admin',
      ifMatch: true,
      request: { params: CategoryParams, body: CategoryPatchBody },
      response: CategoryBody,
      etag,
      errors: [categoryNotFound(), categoryContended(), outcomeUnknown('category')],
      handle: async ({ params: { slug }, body: { name }, expects }, { userId }) =>
        toBody(await categories.rename(slug, name, expects, userId)),
    }),
    route({
      method: 'delete',
      path: '/api/v1/categories/{slug}',
      summary: 'Delete a category that has neither products nor children',
      tag: 'Categories',
      access: 'admin',
      ifMatch: true,
      request: { params: CategoryParams },
      status: 204,
      errors: [categoryNotFound(), categoryInUse(), categoryContended(), listingsContended(EXAMPLE_PRODUCT_ID)],
      handle: async ({ params: { slug }, expects }, { userId }) => {
        await categories.remove(slug, expects, userId);
        return undefined;
      },
    }),
  ];
}
