import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { Database } from '#platform/cassandra/database.ts';
import { openDatabase, type TestKeyspaces, useKeyspaces } from '../../local/test-support/cassandra.ts';

let keyspaces: TestKeyspaces;
let database: Database;

before(async () => {
  keyspaces = await useKeyspaces();
  database = await openDatabase(keyspaces, 'product');
});

after(async () => {
  await database.close();
  await keyspaces.stop();
});

test('a read returns every row, even more than fit into one response', async () => {
  const slot = new Date(0);
  const ids = Array.from({ length: 2500 }, () => randomUUID());
  for (let from = 0; from < ids.length; from += 500) {
    await database.writeTogether(
      'test.put',
      ids.slice(from, from + 500).map((id) => ({
        query: "INSERT INTO due (slot, due_at, id, action) VALUES (?, ?, ?, 'none')",
        params: [slot, slot, id],
      })),
    );
  }
  const rows = await database.read('test.list', 'SELECT id FROM due WHERE slot = ?', [slot]);
  assert.deepEqual(rows.map(({ id }) => String(id)).toSorted(), ids.toSorted());
});
