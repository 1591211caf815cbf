import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { listen } from '#platform/http/server.ts';
import { freePort } from '../../local/test-support/free-port.ts';

test('all headers that Nginx may pass on are accepted: four times 8 kB, and the host twice', async () => {
  const port = await freePort();
  const server = await listen((_request, response) => void response.end(), { host: '127.0.0.1', port });
  try {
    const headers = Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((name) => [`x-${name}`, 'x'.repeat(8000)]));
    const [answer] = (await once(get({ host: '127.0.0.1', port, headers, agent: false }), 'response')) as [
      IncomingMessage,
    ];
    answer.resume();
    assert.equal(answer.statusCode, 200);
  } finally {
    server.close();
  }
});

test('listening on an address in use is an error', async () => {
  const address = { host: '127.0.0.1', port: await freePort() };
  const server = await listen(() => undefined, address);
  await assert.rejects(
    listen(() => undefined, address),
    { code: 'EADDRINUSE' },
  );
  server.close();
});
