import { Conflict, NotFound, Unavailable } from '#platform/errors.ts';

export function categoryNotFound(): NotFound {
  return new NotFound('category_not_found', 'There is no such category.');
}

export function categoryExists(): Conflict {
  return new Conflict('category_exists', 'There is a category of this slug.');
}

export function categoryInUse(): Conflict {
  return new Conflict('category_in_use', 'The category has products or categories below it.');
}

export function categoryContended(): Unavailable {
  return new Unavailable('category_contended', 'Somebody is about to delete the category; ask again.');
}
