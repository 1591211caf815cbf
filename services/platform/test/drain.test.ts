// What a service does with its connections when it stops.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { drain } from '#platform/http/server.ts';

async function open() {
  const server = createServer(async ({ url }, response) => {
    if (url === '/slow') await sleep(600);
    response.end('done');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = async (path: string): Promise<IncomingMessage> => {
    const [answer] = await once(get({ port, host: '127.0.0.1', path, agent }), 'response');
    answer.resume();
    await once(answer, 'end');
    return answer;
  };
  return { server, port, agent, ask };
}

test('a kept-alive connection gets one more answer while the service drains, and is closed with it', async () => {
  const { server, agent, ask } = await open();
  assert.equal((await ask('/')).headers.connection, 'keep-alive');
  const drained = drain(server);
  const last = await ask('/');
  assert.equal(last.statusCode, 200);
  assert.equal(last.headers.connection, 'close');
  await drained;
  agent.destroy();
});

test("a draining service accepts no new connection, finishes running requests, and doesn't wait for idle clients", async () => {
  const { server, port, agent, ask } = await open();
  const idle = new Agent({ keepAlive: true });
  const [first] = await once(get({ port, host: '127.0.0.1', agent: idle }), 'response');
  first.resume();
  const slow = ask('/slow');
  await sleep(100);
  const startedAt = Date.now();
  const drained = drain(server);
  await sleep(100);
  await assert.rejects(once(get({ port, host: '127.0.0.1' }), 'response'), { code: 'ECONNREFUSED' });
  assert.equal((await slow).statusCode, 200);
  await drained;
  assert.ok(Date.now() - startedAt < 10_000, 'it waited for an idle connection');
  agent.destroy();
  idle.destroy();
});
