import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitStatements } from '../statements.ts';

test('statements end at semicolons, except in strings, names and comments', () => {
  const cql = `
    -- one; comment
    INSERT INTO t (a, "b;c") VALUES ('it''s; here', 1); // two; comment
    /* three;
       comment */ UPDATE t SET a = $$x; 'y'$$   WHERE b = 2 - 1;;
    DROP TABLE t`;
  assert.deepEqual(splitStatements(cql), [
    `INSERT INTO t (a, "b;c") VALUES ('it''s; here', 1)`,
    "UPDATE t SET a = $$x; 'y'$$ WHERE b = 2 - 1",
    'DROP TABLE t',
  ]);
});

test('comments and whitespace outside strings don’t change a statement', () => {
  assert.deepEqual(
    splitStatements("SELECT 'a  --b' -- c\n  FROM\tt;\n-- end"),
    splitStatements("SELECT 'a  --b' FROM t"),
  );
});

test('an unterminated string is refused', () => {
  assert.throws(() => splitStatements("INSERT INTO t (a) VALUES ('x; DROP TABLE t;"), SyntaxError);
});
