import type { Statement } from './database.ts';

/**
 * Inserts `row`: its columns with their values. `suffix` ends the statement, e.g. `IF NOT EXISTS` or `USING TIMESTAMP ?`, whose values
 * are `suffixParams`.
 */
export function insertInto(
  table: string,
  row: Readonly<Record<string, unknown>>,
  suffix: string,
  ...suffixParams: readonly unknown[]
): Statement {
  const columns = Object.keys(row);
  const marks = columns.map(() => '?');
  return {
    query: `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${marks.join(', ')}) ${suffix}`,
    params: [...Object.values(row), ...suffixParams],
  };
}
