import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitStatements } from '../statements.ts';

test('statements end at semicolons, not at those in strings, names and comments', () => {
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

test('comments and line breaks change no statement, strings keep theirs', () => {
  assert.deepEqual(
    splitStatements("SELECT 'a  --b' -- c\n  FROM\tt;\n-- end"),
    splitStatements("SELECT 'a  --b' FROM t"),
  );
});

test('a string that never ends is refused', () => {
  assert.throws(() => splitStatements("INSERT INTO t (a) VALUES ('x; DROP TABLE t;"), SyntaxError);
});
