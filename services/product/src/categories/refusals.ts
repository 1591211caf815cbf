import { Conflict, NotFound, Unavailable } from '#platform/errors.ts';

export function categoryNotFound(): NotFound {
  return new NotFound('category_not_found', 'There is no such category.');
}

export function categoryExists(): Conflict {
  return new Conflict('category_exists', 'A category with this slug already exists.');
}

export function categoryInUse(): Conflict {
  return new Conflict('category_in_use', 'The category has products or subcategories.');
}

export function categoryContended(): Unavailable {
  return new Unavailable('category_contended', 'The category is being deleted; try again.');
}
