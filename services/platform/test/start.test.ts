// What a service knows before it accepts its first request.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type TestKeyspaces, useKeyspaces } from '../../local/test-support/cassandra.ts';
import { eventually } from '../../local/test-support/eventually.ts';
import { freePort } from '../../local/test-support/free-port.ts';
import { testServiceConfig, userToken } from '../../local/test-support/service-config.ts';

const CART = join(import.meta.dirname, '../../cart/src/main.ts');

let keyspaces: TestKeyspaces;

before(async () => {
  keyspaces = await useKeyspaces();
});
after(() => keyspaces?.stop());

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const answered = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return answered;
}

test('revocations are known before the first request is accepted', { timeout: 60_000 }, async () => {
  const userId = randomUUID();
  const revocation = { subject: userId, notBefore: Math.floor(Date.now() / 1000) + 60 };
  let answer: () => void = () => undefined;
  const user = createServer((_, response) => {
    answer = () => {
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ data: [revocation] }));
    };
  }).listen(0, '127.0.0.1');
  await once(user, 'listening');
  const [asked, port] = [once(user, 'request'), await freePort()];
  const userUrl = `http://127.0.0.1:${(user.address() as AddressInfo).port}`;
  const config = testServiceConfig('cart', keyspaces, { PORT: port, USER_URL: userUrl, CURRENCY: 'USD' });
  const cart = spawn(process.execPath, [CART], {
    env: Object.fromEntries(Object.entries(config).map(([name, value]) => [name, String(value)])),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    await asked;
    await sleep(300);
    assert.equal(await isListening(port), false);
    answer();
    await eventually(() => isListening(port), Boolean, 1500);
    const headers = { authorization: `Bearer ${userToken({ userId })}` };
    assert.equal((await fetch(`http://127.0.0.1:${port}/api/v1/cart`, { headers })).status, 401);
    const others = { authorization: `Bearer ${userToken()}` };
    assert.equal((await fetch(`http://127.0.0.1:${port}/api/v1/cart`, { headers: others })).status, 200);
  } finally {
    cart.kill('SIGKILL');
    user.close();
    user.closeAllConnections();
  }
});
