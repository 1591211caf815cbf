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

export function outcomeUnknown(): Unavailable {
  return new Unavailable(
    'outcome_unknown',
    'The database lost the answer and the category has changed since; look at it before asking again.',
  );
}
