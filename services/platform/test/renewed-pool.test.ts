import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'undici';
import { createRenewedPool } from '#platform/client/renewed-pool.ts';

const CONNECTIONS = 3;
const AGE = 60;

describe('a renewed pool', () => {
  let url: string;
  let accepted = 0;
  /** Answers after as many ms as its path says. */
  const server = createServer((request, response) => {
    setTimeout(() => response.end('yes'), Number(request.url?.slice(1)));
  });

  before(async () => {
    server.on('connection', () => {
      accepted += 1;
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.close();
    server.closeAllConnections();
  });

  const ask = async (pool: Pool, ms: number) => {
    const { body } = await pool.request({ method: 'GET', path: `/${ms}` });
    return body.text();
  };
  const open = () => createRenewedPool(url, { connections: CONNECTIONS }, AGE);

  test('answers the first request after a burst that used all connections and a quiet time', async () => {
    const connections = open();
    const burst = Array.from({ length: 5 * CONNECTIONS }, () => ask(connections.current(), 5));
    await Promise.all(burst);
    await sleep(AGE + 20);
    const answer = await Promise.race([ask(connections.current(), 0), sleep(2000, 'none')]);
    assert.equal(answer, 'yes');
    await connections.close();
  });

  test('answers requests that are in flight or queued when connections are replaced', async () => {
    const connections = open();
    const slow = Array.from({ length: 2 * CONNECTIONS }, () => ask(connections.current(), 2 * AGE));
    await sleep(AGE + 20);
    const before = accepted;
    assert.equal(await ask(connections.current(), 0), 'yes');
    assert.equal(accepted, before + 1, 'by a new connection');
    assert.deepEqual(new Set(await Promise.all(slow)), new Set(['yes']));
    await connections.close();
  });

  test('refuses requests after it is closed, and opens no new connection', async () => {
    const connections = open();
    await ask(connections.current(), 0);
    await connections.close();
    const before = accepted;
    await sleep(AGE + 20);
    await assert.rejects(ask(connections.current(), 0), { code: 'UND_ERR_DESTROYED' });
    assert.equal(accepted, before);
  });

  test('waits for replaced connections, too, when it is closed', async () => {
    const connections = open();
    let isAnswered = false;
    const slow = ask(connections.current(), 4 * AGE).then(() => {
      isAnswered = true;
    });
    await sleep(AGE + 20);
    await ask(connections.current(), 0);
    await connections.close();
    assert.equal(isAnswered, true);
    await slow;
  });
});
